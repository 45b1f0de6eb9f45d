/// Pillow's 8-bit resize written as plainly as can be, for tests to compare the fast passes with.
public enum ResampleReference {
    /// The whole of `raster` resized to `height` x `width`.
    public static func resize(_ raster: RasterRGB, height: Int, width: Int) -> RasterRGB {
        let isVerticalFirst = raster.height > height && raster.height - height > 2 * (raster.width - width)
        return isVerticalFirst
            ? horizontal(vertical(raster, to: height), to: width)
            : vertical(horizontal(raster, to: width), to: height)
    }

    private static func horizontal(_ raster: RasterRGB, to width: Int) -> RasterRGB {
        transposed(vertical(transposed(raster), to: width))
    }

    private static func vertical(_ raster: RasterRGB, to height: Int) -> RasterRGB {
        guard height != raster.height else { return raster }
        let axis = ResampleAxis.bicubic(inputSize: raster.height, outputSize: height, window: 0..<height)
        let rowByteCount = raster.width * raster.channels
        var pixels: [UInt8] = []
        for row in 0..<height {
            for column in 0..<rowByteCount {
                var sum = 1 << (ResampleAxis.precisionBits - 1)
                for tap in 0..<axis.count[row] {
                    let scaled = axis.weights[row * axis.stride + tap] * Double(1 << ResampleAxis.precisionBits)
                    let weight = Int(scaled.rounded(.toNearestOrAwayFromZero))
                    sum += Int(raster.pixels[(axis.first[row] + tap) * rowByteCount + column]) * weight
                }
                pixels.append(UInt8(max(0, min(255, sum >> ResampleAxis.precisionBits))))
            }
        }
        return RasterRGB(channels: raster.channels, height: height, width: raster.width, pixels: pixels)
    }

    private static func transposed(_ raster: RasterRGB) -> RasterRGB {
        var pixels: [UInt8] = []
        for column in 0..<raster.width {
            for row in 0..<raster.height {
                let start = (row * raster.width + column) * raster.channels
                pixels += raster.pixels[start..<(start + raster.channels)]
            }
        }
        return RasterRGB(channels: raster.channels, height: raster.width, width: raster.height, pixels: pixels)
    }
}
