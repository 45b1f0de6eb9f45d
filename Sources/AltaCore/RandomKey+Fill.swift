extension RandomKey {
    /// Fills a buffer with uniform numbers; element `e` is made of `word(e)`.
    public func fillUniform(_ values: UnsafeMutableBufferPointer<Float>, in range: Range<Float>) {
        let width = range.upperBound - range.lowerBound
        forEachWord(count: values.count) { element, word in
            values[element] = range.lowerBound + width * (Float(word >> 8) * 0x1p-24)
        }
    }

    /// Fills a buffer with normal numbers of mean 0 (Box-Muller on pairs of words of two neighbouring elements).
    public func fillNormal(_ values: UnsafeMutableBufferPointer<Float>, deviation: Double) {
        let even = values.count + values.count % 2
        var first: UInt32 = 0
        forEachWord(count: even) { element, word in
            guard element % 2 == 1 else {
                first = word
                return
            }
            let radius = (-2 * Double.naturalLogarithm((Double(first) + 1) * 0x1p-32)).squareRoot() * deviation
            let angle = 2 * Double.pi * Double(word) * 0x1p-32
            values[element - 1] = Float(radius * Double.cosine(angle))
            if element < values.count { values[element] = Float(radius * Double.sine(angle)) }
        }
    }

    /// Visits the words of elements 0..<count in ascending order, sixteen counters at a time.
    private func forEachWord(count: Int, _ visit: (_ element: Int, _ word: UInt32) -> Void) {
        for block in stride(from: 0, to: count, by: 64) {
            withUnsafeTemporaryAllocation(of: SIMD4<UInt32>.self, capacity: 16) { words in
                for lane in 0..<16 {
                    words[lane] = Philox.words(counter: UInt64(block / 64 * 16 + lane), key: bits)
                }
                for offset in 0..<min(64, count - block) {
                    visit(block + offset, words[offset % 16][offset / 16])
                }
            }
        }
    }
}
