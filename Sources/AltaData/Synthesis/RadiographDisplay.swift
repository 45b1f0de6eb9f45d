import AltaCore
import Foundation

/// From attenuation to a picture: positioning, exposure, quantum noise, display curve, collimation, side marker.
struct RadiographDisplay {
    private let size: Int
    private let width: Int
    private let height: Int
    private let angle: Float
    private let shift: SIMD2<Float>
    private let zoom: Float
    private let curve: [Float]
    private let grain: [Float]
    private let border: SIMD4<Float>
    private let markerOnRight: Bool
    private let markerPlace: SIMD2<Float>
    private let key: RandomKey
    private let noise: NoiseTile

    private static let curveSteps: Float = 256
    private static let mostAttenuation: Float = 9

    /// Draws how one exposure is made. `bright` is the attenuation shown as bright grey, as that of the mediastinum.
    init(key: RandomKey, size: Int, dark: Float, bright: Float, isFrontal: Bool, noise: NoiseTile) {
        var draws = RandomDraws(key)
        self.key = key
        self.size = size
        self.noise = noise
        let longer = size + (Int(Float(size) * draws.within(0...0.17)) & ~1)
        let isTall = draws.chance(isFrontal ? 0.55 : 0.95)
        (width, height) = isTall ? (size, longer) : (longer, size)
        angle = 0.018 * draws.bell()
        shift = SIMD2(0.025 * draws.bell(), 0.02 * draws.bell())
        zoom = 1.13 + 0.025 * draws.bell()
        (curve, grain) = RadiographDisplay.curves(
            dark: dark + 0.1 * draws.bell(), bright: bright + 0.15 * draws.bell(), dose: draws.within(0.7...1.5))
        let hasBorder = draws.chance(0.35)
        let border = SIMD4(draws.uniform(), draws.uniform(), draws.uniform(), draws.uniform())
        self.border = hasBorder ? border * 0.06 : SIMD4(repeating: -1)
        markerOnRight = draws.chance(0.5)
        markerPlace = SIMD2(draws.within(0.74...0.82), draws.within(-0.82 ... -0.74))
    }

    /// The picture of a projection.
    func picture(_ projection: PhantomProjection, marker: Bool) -> GreyImage {
        var pixels = [UInt8](repeating: 0, count: width * height)
        pixels.withUnsafeMutableBufferPointer { pixels in
            for row in 0..<height { expose(row, projection, into: pixels) }
        }
        if marker { drawMarker(&pixels) }
        return GreyImage(height: height, width: width, pixels: pixels)
    }

    /// Log-converted exposure with scatter, then the sigmoid of film: grey and the standard deviation of grey by
    /// attenuation.
    private static func curves(dark: Float, bright: Float, dose: Float) -> ([Float], [Float]) {
        let scatter: Float = 0.011
        func density(_ attenuation: Float) -> Float { -logf((expf(-attenuation) + scatter) / (1 + scatter)) }
        let (low, high) = (density(dark), density(bright))
        // Grey 62 at `dark` and 205 at `bright`.
        let slope = (high - low) / (logf(205 / 50) - logf(62 / 193))
        let middle = low - slope * logf(62 / 193)
        var curve: [Float] = []
        var grain: [Float] = []
        for step in 0...Int(mostAttenuation * curveSteps) + 1 {
            let attenuation = Float(step) / curveSteps
            let grey = 1 / (1 + expf((middle - density(attenuation)) / slope))
            let quanta = expf(-attenuation) + scatter
            curve.append(2 + 253 * grey)
            grain.append(253 * grey * (1 - grey) / slope * 0.0042 / (dose * quanta).squareRoot() + 0.6)
        }
        return (curve, grain)
    }

    private func expose(_ row: Int, _ projection: PhantomProjection, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        let scale = Float(size) / 2 * zoom
        let y = (Float(row) + 0.5 - Float(height) / 2) / scale
        let left = (0.5 - Float(width) / 2) / scale
        let start = SIMD2(left + angle * y, y - angle * left) + shift
        let step = SIMD2(1, -angle) / scale
        let coarse = PlaneSampler(projection.attenuation, start: start, step: step)
        let fine = PlaneSampler(projection.detail, start: start, step: step)
        let (fromTop, fromBottom) = (Float(row) / Float(height), Float(height - row) / Float(height))
        let isShut = fromTop < border.x || fromBottom < border.y
        let (first, last) = (Float(width) * border.z, Float(width) * (1 - border.w))
        let grains = noise.row(key.child(2), row: row, count: width)
        projection.withPlanes { attenuation, aeration, vessels, detail in
            for column in 0..<width {
                var place = coarse.place(column)
                var total = place.read(attenuation)
                let air = place.read(aeration)
                place = fine.place(column)
                total += place.read(detail) + air * place.read(vessels)
                if isShut || Float(column) < first || Float(column) > last { total = 0.1 }
                let step = min(total, RadiographDisplay.mostAttenuation) * RadiographDisplay.curveSteps
                let grey = curve[Int(step)] + grain[Int(step)] * noise.values[grains + column]
                pixels[row * width + column] = UInt8(min(255, max(0, grey + 0.5)))
            }
        }
    }

    /// A lead letter beside the shoulder, outside the patient's lungs: L on the patient's left or R on the right.
    private func drawMarker(_ pixels: inout [UInt8]) {
        let glyph = markerOnRight ? RadiographDisplay.letterL : RadiographDisplay.letterR
        let cell = max(1, size / 130)
        let middle = Float(size) / 2
        let x = Float(width) / 2 + (markerOnRight ? 1 : -1) * markerPlace.x * middle
        let y = Float(height) / 2 + markerPlace.y * middle
        let (left, top) = (Int(x) - 5 * cell / 2, Int(y) - 7 * cell / 2)
        for (glyphRow, bits) in glyph.enumerated() {
            for bit in 0..<5 where bits >> (4 - bit) & 1 == 1 {
                for row in 0..<cell {
                    let start = (top + glyphRow * cell + row) * width + left + bit * cell
                    guard start >= 0, start + cell <= pixels.count else { continue }
                    for column in 0..<cell { pixels[start + column] = 246 }
                }
            }
        }
    }

    private static let letterL: [UInt8] = [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111]
    private static let letterR: [UInt8] = [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001]
}

/// Reads a plane along a line of the image, bilinearly.
struct PlaneSampler {
    private let origin: SIMD2<Float>
    private let step: SIMD2<Float>
    private let width: Int

    /// The line from `start` by `step` a pixel, in the phantom's units.
    init(_ plane: PhantomPlane, start: SIMD2<Float>, step: SIMD2<Float>) {
        origin = (start + PhantomPlane.reach) * plane.scale - 0.5
        self.step = step * plane.scale
        width = plane.width
    }

    /// Where pixel `column` of the line falls.
    func place(_ column: Int) -> PlanePlace {
        let limit = Float(width) - 1.01
        let x = min(limit, max(0, origin.x + step.x * Float(column)))
        let y = min(limit, max(0, origin.y + step.y * Float(column)))
        let (left, top) = (Int(x), Int(y))
        return PlanePlace(offset: top * width + left, width: width, u: x - Float(left), v: y - Float(top))
    }
}

/// A place between four samples of a plane.
struct PlanePlace {
    let offset: Int
    let width: Int
    let u: Float
    let v: Float

    /// The value there.
    func read(_ values: UnsafeBufferPointer<Float>) -> Float {
        let above = values[offset] + (values[offset + 1] - values[offset]) * u
        let below = values[offset + width] + (values[offset + width + 1] - values[offset + width]) * u
        return above + (below - above) * v
    }
}

extension PhantomProjection {
    /// Lends the planes that are read to form an image.
    func withPlanes(
        _ body: (
            _ attenuation: UnsafeBufferPointer<Float>, _ aeration: UnsafeBufferPointer<Float>,
            _ vessels: UnsafeBufferPointer<Float>, _ detail: UnsafeBufferPointer<Float>
        ) -> Void
    ) {
        attenuation.values.withUnsafeBufferPointer { attenuation in
            aeration.values.withUnsafeBufferPointer { aeration in
                vessels.values.withUnsafeBufferPointer { vessels in
                    detail.values.withUnsafeBufferPointer { body(attenuation, aeration, vessels, $0) }
                }
            }
        }
    }
}

/// Normal noise, slightly blurred as a detector blurs it, drawn once for a cohort and read from random places.
struct NoiseTile: Sendable {
    /// The noise.
    let values: [Float]

    /// The noise of a seed.
    init(seed: UInt64) {
        let key = RandomKey(seed: seed, purpose: .synthesis).child(2)
        let raw = (0..<(1 << 16)).map { Float(key.normal($0)) }
        values = raw.indices.map { 0.8 * raw[$0] + 0.45 * raw[($0 + 1) % raw.count] }
    }

    /// The first place of the noise of a row of `count` pixels.
    func row(_ key: RandomKey, row: Int, count: Int) -> Int {
        precondition(count < values.count, "a row of \(count) pixels for \(values.count) samples of noise")
        return key.integer(row, below: values.count - count)
    }
}
