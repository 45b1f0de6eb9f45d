/// Arithmetic on element counts that both transports share.
enum CollectiveCounts {
    /// Where each rank's elements begin: `[R]`.
    static func starts(of counts: [Int]) -> [Int] {
        var next = 0
        return counts.map { count in
            defer { next += count }
            return next
        }
    }

    /// The ranges of at most `largest` elements that `count` elements are moved in; none for no elements.
    static func pieces(of count: Int, largest: Int) -> some Sequence<Range<Int>> {
        stride(from: 0, to: count, by: largest).lazy.map { $0..<min($0 + largest, count) }
    }
}
