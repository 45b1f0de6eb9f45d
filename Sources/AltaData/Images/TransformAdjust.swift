extension RasterRGB {
    /// Brightness changed by `factor` (torchvision's `adjust_brightness`): blended with black.
    public func brightened(by factor: Double) -> RasterRGB { mapped(ToneTable.brightness(factor)) }

    /// Contrast changed by `factor` (torchvision's `adjust_contrast`): blended with the mean of the grey image, rounded
    /// half up.
    public func contrasted(by factor: Double) -> RasterRGB {
        mapped(ToneTable.contrast(factor, mean: grey.mean(through: .identity)))
    }

    /// Brightness and contrast in the drawn order, then grey.
    ///
    /// Of one channel every value goes through one table, which is the first change's followed by the second's: the mean
    /// between them is that of the first table's values.
    func adjusted(_ augmentation: Augmentation) -> GreyImage {
        let (brightness, contrast) = (augmentation.brightness, augmentation.contrast)
        guard channels == 1 else {
            return augmentation.contrastFirst
                ? contrasted(by: contrast).brightened(by: brightness).grey
                : brightened(by: brightness).contrasted(by: contrast).grey
        }
        let first = augmentation.contrastFirst ? ToneTable.identity : .brightness(brightness)
        let changed = first.followed(by: .contrast(contrast, mean: grey.mean(through: first)))
        return mapped(augmentation.contrastFirst ? changed.followed(by: .brightness(brightness)) : changed).grey
    }

    private func mapped(_ table: ToneTable) -> RasterRGB {
        let mapped = [UInt8](unsafeUninitializedCapacity: pixels.count) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                table.values.withUnsafeBufferPointer { table in
                    for index in 0..<input.count { output[index] = table[Int(input[index])] }
                }
            }
            initialized = pixels.count
        }
        return RasterRGB(channels: channels, height: height, width: width, pixels: mapped)
    }
}

extension GreyImage {
    /// The mean of what a table makes of the pixels, rounded half up.
    fileprivate func mean(through table: ToneTable) -> Int {
        var sum = 0
        pixels.withUnsafeBufferPointer { pixels in
            table.values.withUnsafeBufferPointer { table in
                for value in pixels { sum &+= Int(table[Int(value)]) }
            }
        }
        return Int(Double(sum) / Double(pixels.count) + 0.5)
    }
}

/// What each of the 256 values of a channel becomes.
private struct ToneTable {
    let values: [UInt8]

    static let identity = ToneTable(values: (0...255).map { UInt8($0) })

    static func brightness(_ factor: Double) -> ToneTable { blend(with: 0, factor: Float(factor)) }

    static func contrast(_ factor: Double, mean: Int) -> ToneTable { blend(with: mean, factor: Float(factor)) }

    func followed(by next: ToneTable) -> ToneTable { ToneTable(values: values.map { next.values[Int($0)] }) }

    /// Pillow's `Image.blend` of an image of one value and this one (`Blend.c`, single precision).
    private static func blend(with background: Int, factor: Float) -> ToneTable {
        ToneTable(
            values: (0...255).map { value in
                if factor == 0 { return UInt8(background) }
                if factor == 1 { return UInt8(value) }
                let blend = Float(background) + factor * Float(value - background)
                return UInt8(max(0, min(255, blend)))
            })
    }
}
