extension PlanarImage {
    /// The image at half the resolution, `[channels, height / 2, width / 2]` (a half is rounded down).
    ///
    /// The model's own downscale of the reconstruction target: torch's `F.interpolate(size:, mode="bicubic", antialias:)`
    /// in single precision, not clamped; sums run in another order than torch's (below 1e-6 apart). ALTA antialiases
    /// (eight taps), MRM as published does not (four taps of another cubic).
    public func halved(antialias: Bool = true) -> PlanarImage {
        precondition(height >= 2 && width >= 2, "\(height) x \(width) cannot be halved")
        let rows = HalvingAxis(size: height, antialias: antialias)
        let columns = HalvingAxis(size: width, antialias: antialias)
        let count = channels * rows.count * columns.count
        let output = [Float](unsafeUninitializedCapacity: count) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                for channel in 0..<channels {
                    let start = channel * height * width
                    let target = channel * rows.count * columns.count
                    columns.narrow(
                        rows.shorten(UnsafeBufferPointer(rebasing: input[start..<(start + height * width)]), width),
                        width, into: UnsafeMutableBufferPointer(rebasing: output[target...]))
                }
            }
            initialized = count
        }
        return PlanarImage(channels: channels, height: rows.count, width: columns.count, pixels: output)
    }

    /// The same written as plainly as can be, for tests to compare with: the fast passes add in the same order.
    public func halvedPlainly(antialias: Bool = true) -> PlanarImage {
        let (rows, columns) = (
            HalvingAxis(size: height, antialias: antialias), HalvingAxis(size: width, antialias: antialias)
        )
        var output: [Float] = []
        for channel in 0..<channels {
            func short(_ row: Int, _ column: Int) -> Float {
                rows.sum(at: row) { pixels[(channel * height + $0) * width + column] }
            }
            for row in 0..<rows.count {
                let line = (0..<width).map { short(row, $0) }
                output += (0..<columns.count).map { columns.sum(at: $0) { line[$0] } }
            }
        }
        return PlanarImage(channels: channels, height: rows.count, width: columns.count, pixels: output)
    }
}

/// The taps along one axis that is halved, in single precision.
private struct HalvingAxis {
    /// Pixels of the result.
    let count: Int
    private let axis: ResampleAxis
    private let weights: [Float]
    /// Rows that are worked on together: the lanes of a vector.
    private static let lanes = 8

    init(size: Int, antialias: Bool) {
        count = size / 2
        axis =
            antialias
            ? ResampleAxis.bicubic(inputSize: size, outputSize: count, window: 0..<count)
            : ResampleAxis.fourTaps(inputSize: size, outputSize: count)
        weights = axis.weights.map { Float($0) }
    }

    func sum(at position: Int, _ value: (Int) -> Float) -> Float {
        var sum: Float = 0
        for tap in 0..<axis.count[position] {
            sum += value(axis.first[position] + tap) * weights[position * axis.stride + tap]
        }
        return sum
    }

    /// `[height, width]` to `[count, width]`, eight columns at a time.
    func shorten(_ input: UnsafeBufferPointer<Float>, _ width: Int) -> [Float] {
        let (vectorWidth, bytes) = (width / Self.lanes * Self.lanes, UnsafeRawBufferPointer(input))
        return [Float](unsafeUninitializedCapacity: count * width) { output, initialized in
            weights.withUnsafeBufferPointer { weights in
                for row in 0..<count {
                    let (first, taps, own) = (axis.first[row], axis.count[row], row * axis.stride)
                    for column in stride(from: 0, to: vectorWidth, by: Self.lanes) {
                        var sum = SIMD8<Float>.zero
                        for tap in 0..<taps {
                            let place = 4 * ((first &+ tap) &* width &+ column)
                            let values = bytes.loadUnaligned(fromByteOffset: place, as: SIMD8<Float>.self)
                            sum += values * weights[own &+ tap]
                        }
                        UnsafeMutableRawBufferPointer(output).storeBytes(
                            of: sum, toByteOffset: 4 * (row &* width &+ column), as: SIMD8<Float>.self)
                    }
                    for column in vectorWidth..<width {
                        output[row * width + column] = sum(at: row) { input[$0 * width + column] }
                    }
                }
            }
            initialized = count * width
        }
    }

    /// `[height, width]` to `[height, count]`, eight rows at a time: the lanes of a vector are a column of theirs.
    func narrow(_ input: [Float], _ width: Int, into output: UnsafeMutableBufferPointer<Float>) {
        let height = input.count / width
        var strip = [SIMD8<Float>](repeating: .zero, count: width)
        input.withUnsafeBufferPointer { input in
            strip.withUnsafeMutableBufferPointer { strip in
                for top in stride(from: 0, to: height, by: Self.lanes) {
                    transpose(input, width, top: top, height, into: strip)
                    let stored = min(Self.lanes, height - top)
                    narrow(UnsafeBufferPointer(strip), stored, into: output, at: top * count)
                }
            }
        }
    }

    /// Eight rows from `top` on as the lanes of `strip`, `[width]`; past the last row it is repeated.
    private func transpose(
        _ input: UnsafeBufferPointer<Float>, _ width: Int, top: Int, _ height: Int,
        into strip: UnsafeMutableBufferPointer<SIMD8<Float>>
    ) {
        func row(_ lane: Int) -> UnsafeBufferPointer<Float> {
            let start = min(top + lane, height - 1) * width
            return UnsafeBufferPointer(rebasing: input[start..<(start + width)])
        }
        let (a, b, c, d, e, f, g, h) = (row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7))
        for column in 0..<width {
            strip[column] = SIMD8(
                a[column], b[column], c[column], d[column], e[column], f[column], g[column], h[column])
        }
    }

    private func narrow(
        _ strip: UnsafeBufferPointer<SIMD8<Float>>, _ rows: Int, into output: UnsafeMutableBufferPointer<Float>,
        at start: Int
    ) {
        weights.withUnsafeBufferPointer { weights in
            for column in 0..<count {
                let (first, own) = (axis.first[column], column * axis.stride)
                var sum = SIMD8<Float>.zero
                for tap in 0..<axis.count[column] { sum += strip[first &+ tap] * weights[own &+ tap] }
                for row in 0..<rows { output[start &+ row &* count &+ column] = sum[row] }
            }
        }
    }
}
