extension PlanarImage {
    /// The image at half the resolution, `[channels, height / 2, width / 2]` (a half is rounded down).
    ///
    /// The model's own downscale of the reconstruction target: torch's `F.interpolate(size:, mode="bicubic",
    /// antialias=True)` in single precision, not clamped; sums run in another order than torch's (below 1e-6 apart).
    public func halved() -> PlanarImage {
        precondition(height >= 2 && width >= 2, "\(height) x \(width) cannot be halved")
        let (rows, columns) = (height / 2, width / 2)
        let vertical = ResampleAxis.bicubic(inputSize: height, outputSize: rows, window: 0..<rows)
        let horizontal = ResampleAxis.bicubic(inputSize: width, outputSize: columns, window: 0..<columns)
        let low = shortened(vertical)
        return low.narrowed(horizontal)
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
