import AltaCore

extension PreparedStudy {
    /// A hash of the study as it was prepared, at its position in the global batch: its row, every fourth row of its pixels
    /// (an augmentation changes them all), its visible patches, its tokens in their order and the masked ones, its dropout
    /// key.
    ///
    /// The same in every process and machine. Takes as long as fetching those pixels from memory.
    public func hash(at position: Int) -> UInt64 {
        var hash = StableHash()
        hash.combine(UInt64(position))
        hash.combine(UInt64(index.row))
        // The encoder's current frontal is made of the large one, and of nothing else.
        for image in [large] + views.dropFirst() { hash.combine(image) }
        for order in patchOrders { hash.combine(elements: order) }
        hash.combine(elements: report.ids)
        hash.combine(elements: report.maskedPositions)
        hash.combine(dropoutKey.bits)
        return hash.value
    }
}

extension StudyIndex {
    /// A hash of the study at its position in the global batch.
    public func hash(at position: Int) -> UInt64 {
        var hash = StableHash()
        hash.combine(UInt64(position))
        hash.combine(UInt64(row))
        return hash.value
    }
}

extension StableHash {
    /// How many rows of pixels lie between two that are hashed.
    private static let rowStride = 4

    /// Appends the size of an image, and rows of it; nil: there is none.
    fileprivate mutating func combine(_ image: PlanarImage?) {
        guard let image else { return combine(UInt64(0)) }
        combine(UInt64(image.pixels.count))
        image.pixels.withUnsafeBytes { pixels in
            let rowBytes = image.width * MemoryLayout<Float>.stride
            for start in stride(from: 0, to: pixels.count, by: StableHash.rowStride * rowBytes) {
                combine(UnsafeRawBufferPointer(rebasing: pixels[start..<start + rowBytes]))
            }
        }
    }

    /// Appends the number of elements and their bytes.
    fileprivate mutating func combine<Element: BitwiseCopyable>(elements: [Element]) {
        combine(UInt64(elements.count))
        elements.withUnsafeBytes { combine($0) }
    }
}
