extension RasterRGB {
    /// Brightness changed by `factor` (torchvision's `adjust_brightness`): blended with black.
    public func brightened(by factor: Double) -> RasterRGB { blended(with: 0, factor: Float(factor)) }

    /// Contrast changed by `factor` (torchvision's `adjust_contrast`): blended with the mean of the grey image, rounded
    /// half up.
    public func contrasted(by factor: Double) -> RasterRGB {
        let grey = self.grey.pixels
        var sum = 0
        for value in grey { sum &+= Int(value) }
        let mean = Int(Double(sum) / Double(grey.count) + 0.5)
        return blended(with: UInt8(mean), factor: Float(factor))
    }

    /// Pillow's `Image.blend` of an image of one value and this one (`Blend.c`, single precision), by a table of the
    /// 256 results.
    private func blended(with background: UInt8, factor: Float) -> RasterRGB {
        let table = (0...255).map { value -> UInt8 in
            if factor == 0 { return background }
            if factor == 1 { return UInt8(value) }
            let blend = Float(background) + factor * Float(value - Int(background))
            return UInt8(max(0, min(255, blend)))
        }
        let mapped = [UInt8](unsafeUninitializedCapacity: pixels.count) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                table.withUnsafeBufferPointer { table in
                    for index in 0..<input.count { output[index] = table[Int(input[index])] }
                }
            }
            initialized = pixels.count
        }
        return RasterRGB(channels: channels, height: height, width: width, pixels: mapped)
    }
}
