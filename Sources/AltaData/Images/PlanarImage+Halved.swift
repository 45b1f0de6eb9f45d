extension PlanarImage {
    /// The image at half the resolution, `[channels, height / 2, width / 2]` (a half is rounded down).
    ///
    /// The model's own downscale of the reconstruction target: torch's `F.interpolate(size:, mode="bicubic", antialias:)`
    /// in single precision, not clamped; sums run in another order than torch's (below 1e-6 apart). ALTA antialiases
    /// (eight taps), MRM as published does not (four taps of another cubic).
    public func halved(antialias: Bool = true) -> PlanarImage {
        precondition(height >= 2 && width >= 2, "\(height) x \(width) cannot be halved")
        func axis(_ size: Int) -> ResampleAxis {
            antialias
                ? ResampleAxis.bicubic(inputSize: size, outputSize: size / 2, window: 0..<(size / 2))
                : ResampleAxis.fourTaps(inputSize: size, outputSize: size / 2)
        }
        return shortened(axis(height)).narrowed(axis(width))
    }

    private func shortened(_ axis: ResampleAxis) -> PlanarImage {
        let weights = axis.weights.map { Float($0) }
        let rows = axis.window.count
        var output = [Float](repeating: 0, count: channels * rows * width)
        pixels.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                for row in 0..<(channels * rows) {
                    let (channel, position) = (row / rows, row % rows)
                    for tap in 0..<axis.count[position] {
                        let source = (channel * height + axis.first[position] + tap) * width
                        let weight = weights[position * axis.stride + tap]
                        for column in 0..<width { output[row * width + column] += input[source + column] * weight }
                    }
                }
            }
        }
        return PlanarImage(channels: channels, height: rows, width: width, pixels: output)
    }

    private func narrowed(_ axis: ResampleAxis) -> PlanarImage {
        let weights = axis.weights.map { Float($0) }
        let columns = axis.window.count
        let count = channels * height * columns
        let output = [Float](unsafeUninitializedCapacity: count) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                for row in 0..<(channels * height) {
                    for column in 0..<columns {
                        let source = row * width + axis.first[column]
                        var sum: Float = 0
                        for tap in 0..<axis.count[column] {
                            sum += input[source + tap] * weights[column * axis.stride + tap]
                        }
                        output[row * columns + column] = sum
                    }
                }
            }
            initialized = count
        }
        return PlanarImage(channels: channels, height: height, width: columns, pixels: output)
    }
}
