/// Pillow's 8-bit antialiased bicubic resize, to the last bit.
///
/// Source: `Resample.c` of Pillow 13 (`ImagingResampleInner`): a horizontal pass, rounded and clipped to 8 bits, then a
/// vertical one; the other way round where the height shrinks by more than twice as many pixels as the width (earlier
/// versions kept the order always, which is a grey level apart at some pixels). A pass that would change nothing is left
/// out. Only the window that a crop keeps is computed; a resized pixel does not depend on the others, so this changes no
/// bit.
public enum ResampleBicubic {
    /// The rows `rows` and columns `columns` of `raster` resized to `height` x `width`.
    public static func resize(
        _ raster: RasterRGB, height: Int, width: Int, rows: Range<Int>, columns: Range<Int>
    ) -> RasterRGB {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= height, "rows \(rows) of \(height)")
        precondition(columns.lowerBound >= 0 && columns.upperBound <= width, "columns \(columns) of \(width)")
        let vertical = ResampleAxis.bicubic(inputSize: raster.height, outputSize: height, window: rows)
        let shrinksMostlyInHeight = raster.height > height && raster.height - height > 2 * (raster.width - width)
        if shrinksMostlyInHeight {
            let low = self.vertical(raster, vertical, firstRow: 0)
            return narrowed(low, rows: 0..<rows.count, width: width, columns: columns)
        }
        let needed = height == raster.height ? rows : vertical.source
        let narrow = narrowed(raster, rows: needed, width: width, columns: columns)
        guard height != raster.height else { return narrow }
        return self.vertical(narrow, vertical, firstRow: needed.lowerBound)
    }

    /// Some rows of `raster`, resized to `width` where that is another one.
    private static func narrowed(_ raster: RasterRGB, rows: Range<Int>, width: Int, columns: Range<Int>) -> RasterRGB {
        width == raster.width
            ? raster.cut(rows: rows, columns: columns)
            : horizontal(raster, rows: rows, width: width, columns: columns)
    }

    /// The whole of `raster` resized to `height` x `width`.
    public static func resize(_ raster: RasterRGB, height: Int, width: Int) -> RasterRGB {
        resize(raster, height: height, width: width, rows: 0..<height, columns: 0..<width)
    }

    private static func horizontal(_ raster: RasterRGB, rows: Range<Int>, width: Int, columns: Range<Int>) -> RasterRGB
    {
        let axis = ResampleAxis.bicubic(
            inputSize: raster.width, outputSize: width, window: columns, multiple: ResampleRow.lanes)
        let kernel = ResampleRow(axis, inputWidth: raster.width)
        let channels = raster.channels
        let rowByteCount = columns.count * channels
        var scratch = [Int16](repeating: 0, count: kernel.scratchCount)
        let pixels = [UInt8](unsafeUninitializedCapacity: rows.count * rowByteCount) { output, initialized in
            raster.pixels.withUnsafeBufferPointer { input in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    for (index, row) in rows.enumerated() {
                        let source = input[(row * raster.width * channels)..<((row + 1) * raster.width * channels)]
                        let target = output[(index * rowByteCount)..<((index + 1) * rowByteCount)]
                        for channel in 0..<channels {
                            kernel.run(
                                UnsafeBufferPointer(rebasing: source), UnsafeMutableBufferPointer(rebasing: target),
                                channel: channel, channels: channels, scratch: scratch)
                        }
                    }
                }
            }
            initialized = rows.count * rowByteCount
        }
        return RasterRGB(channels: channels, height: rows.count, width: columns.count, pixels: pixels)
    }

    private static func vertical(_ raster: RasterRGB, _ axis: ResampleAxis, firstRow: Int) -> RasterRGB {
        let weights = axis.fixedPoint
        let rowByteCount = raster.width * raster.channels
        let byteCount = axis.window.count * rowByteCount
        var sums = [Int32](repeating: 0, count: rowByteCount)
        let pixels = [UInt8](unsafeUninitializedCapacity: byteCount) { output, initialized in
            raster.pixels.withUnsafeBufferPointer { input in
                sums.withUnsafeMutableBufferPointer { sums in
                    for row in 0..<axis.window.count {
                        sums.update(repeating: ResampleRow.half)
                        for tap in 0..<axis.count[row] {
                            let start = (axis.first[row] - firstRow + tap) * rowByteCount
                            let source = UnsafeBufferPointer(rebasing: input[start..<(start + rowByteCount)])
                            add(source, weights[row * axis.stride + tap], to: sums)
                        }
                        let target = output[(row * rowByteCount)..<((row + 1) * rowByteCount)]
                        clip(sums, to: UnsafeMutableBufferPointer(rebasing: target))
                    }
                }
            }
            initialized = byteCount
        }
        return RasterRGB(
            channels: raster.channels, height: axis.window.count, width: raster.width, pixels: pixels)
    }

    private static func add(
        _ source: UnsafeBufferPointer<UInt8>, _ weight: Int32, to sums: UnsafeMutableBufferPointer<Int32>
    ) {
        for index in 0..<source.count { sums[index] &+= Int32(source[index]) &* weight }
    }

    private static func clip(_ sums: UnsafeMutableBufferPointer<Int32>, to target: UnsafeMutableBufferPointer<UInt8>) {
        for index in 0..<sums.count { target[index] = ResampleRow.clipped(sums[index]) }
    }
}
