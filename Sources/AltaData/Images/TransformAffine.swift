import Foundation

/// torchvision's `F.affine` on a Pillow image: nearest neighbour, black outside, the same size.
///
/// Source: torchvision's `_get_inverse_affine_matrix` and Pillow's `Geometry.c` (`ImagingTransformAffine`), whose three
/// paths differ in rounding: a table of columns where nothing is rotated or sheared, 16.16 fixed point where every
/// corner stays within it, double precision beyond.
public struct TransformAffine: Equatable, Sendable {
    /// Maps a pixel of the result to one of the source: `x' = a x + b y + c`, `y' = d x + e y + f`.
    let a, b, c, d, e, f: Double

    /// The inverse matrix of `augmentation` about the centre of a `height` x `width` image.
    public init(_ augmentation: Augmentation, height: Int, width: Int) {
        let radians = Double.pi / 180
        let rotation = augmentation.angle * radians
        let (shearX, shearY) = (augmentation.shearX * radians, augmentation.shearY * radians)
        let cosine = cos(rotation - shearY)
        let sine = sin(rotation - shearY)
        let tangent = tan(shearX)
        let cosineY = cos(shearY)
        let forwardA = cosine / cosineY
        let forwardB = -cosine * tangent / cosineY - sin(rotation)
        let forwardC = sine / cosineY
        let forwardD = -sine * tangent / cosineY + cos(rotation)
        a = forwardD / augmentation.scale
        b = -forwardB / augmentation.scale
        d = -forwardC / augmentation.scale
        e = forwardA / augmentation.scale
        let (centreX, centreY) = (Double(width) * 0.5, Double(height) * 0.5)
        let shiftX = -centreX - Double(augmentation.translateX)
        let shiftY = -centreY - Double(augmentation.translateY)
        c = (a * shiftX + b * shiftY) + centreX
        f = (d * shiftX + e * shiftY) + centreY
    }

    /// `raster` moved by the matrix.
    public func apply(to raster: RasterRGB) -> RasterRGB {
        let pixels = [UInt8](unsafeUninitializedCapacity: raster.pixels.count) { output, initialized in
            output.initialize(repeating: 0)
            raster.pixels.withUnsafeBufferPointer { input in
                if b == 0 && d == 0 {
                    scale(raster, input, output)
                } else if fitsFixedPoint(width: raster.width, height: raster.height) {
                    fixedPoint(raster, input, output)
                } else {
                    doublePrecision(raster, input, output)
                }
            }
            initialized = raster.pixels.count
        }
        return RasterRGB(channels: raster.channels, height: raster.height, width: raster.width, pixels: pixels)
    }

    private func fitsFixedPoint(width: Int, height: Int) -> Bool {
        [(0, 0), (width, height), (0, height), (width, 0)].allSatisfy { corner in
            let (x, y) = (Double(corner.0), Double(corner.1))
            return abs(x * a + y * b + c) < 32768 && abs(x * d + y * e + f) < 32768
        }
    }

    private static func fixed(_ value: Double) -> Int32 { Int32(clamping: Int64((value * 65536 + 0.5).rounded(.down))) }

    private func fixedPoint(
        _ raster: RasterRGB, _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
    ) {
        // In 64 bits nothing wraps, so that between two positions inside the source all are inside.
        let (stepX, stepY) = (Int(TransformAffine.fixed(a)), Int(TransformAffine.fixed(d)))
        let (rowStepX, rowStepY) = (Int(TransformAffine.fixed(b)), Int(TransformAffine.fixed(e)))
        var rowX = Int(TransformAffine.fixed(c + a * 0.5 + b * 0.5))
        var rowY = Int(TransformAffine.fixed(f + d * 0.5 + e * 0.5))
        let (limitX, limitY) = (raster.width << 16, raster.height << 16)
        for row in 0..<raster.height {
            func isInside(_ column: Int) -> Bool {
                let (x, y) = (rowX &+ column &* stepX, rowY &+ column &* stepY)
                return x >= 0 && x < limitX && y >= 0 && y < limitY
            }
            var (first, end) = (0, raster.width)
            while first < end, !isInside(first) { first += 1 }
            while end > first, !isInside(end - 1) { end -= 1 }
            var (x, y) = (rowX &+ first &* stepX, rowY &+ first &* stepY)
            for position in (row &* raster.width &+ first)..<(row &* raster.width &+ end) {
                copy(raster, input, (y >> 16) &* raster.width &+ (x >> 16), output, position)
                x &+= stepX
                y &+= stepY
            }
            rowX &+= rowStepX
            rowY &+= rowStepY
        }
    }

    private func doublePrecision(
        _ raster: RasterRGB, _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
    ) {
        var rowX = c + b * 0.5 + a * 0.5
        var rowY = f + e * 0.5 + d * 0.5
        var position = 0
        for _ in 0..<raster.height {
            var (x, y) = (rowX, rowY)
            for _ in 0..<raster.width {
                if x >= 0 && x < Double(raster.width) && y >= 0 && y < Double(raster.height) {
                    copy(raster, input, Int(y) * raster.width + Int(x), output, position)
                }
                position += 1
                x += a
                y += d
            }
            rowX += b
            rowY += e
        }
    }

    private func scale(
        _ raster: RasterRGB, _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
    ) {
        var x = c + a * 0.5
        var columns = [Int](repeating: -1, count: raster.width)
        for column in 0..<raster.width {
            if x >= 0 && x < Double(raster.width) { columns[column] = Int(x) }
            x += a
        }
        var y = f + e * 0.5
        for row in 0..<raster.height {
            if y >= 0 && y < Double(raster.height) {
                for (column, source) in columns.enumerated() where source >= 0 {
                    copy(raster, input, Int(y) * raster.width + source, output, row * raster.width + column)
                }
            }
            y += e
        }
    }

    @inline(__always)
    private func copy(
        _ raster: RasterRGB, _ input: UnsafeBufferPointer<UInt8>, _ source: Int,
        _ output: UnsafeMutableBufferPointer<UInt8>, _ target: Int
    ) {
        if raster.channels == 1 {
            output[target] = input[source]
        } else {
            output[3 * target] = input[3 * source]
            output[3 * target + 1] = input[3 * source + 1]
            output[3 * target + 2] = input[3 * source + 2]
        }
    }
}
