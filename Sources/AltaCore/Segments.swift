/// Where the sequences of a packed batch begin and end: sequence `i` is the rows `offsets[i]..<offsets[i + 1]`.
///
/// A batch of sequences is one `[rows, width]` matrix with `Segments`: nothing is padded, nothing is masked.
public struct Segments: Equatable, Sendable {
    /// Ascending, from 0 to the number of rows; one more than there are sequences.
    public let offsets: [Int]

    /// The segments of sequences with these lengths, in order.
    public init(lengths: some Sequence<Int>) {
        var sums = [0]
        for length in lengths {
            precondition(length >= 0, "a sequence of \(length) rows")
            sums.append(sums[sums.count - 1] + length)
        }
        offsets = sums
    }

    /// `count` sequences of one length.
    public init(count: Int, length: Int) { self.init(lengths: repeatElement(length, count: count)) }

    /// How many sequences there are.
    public var count: Int { offsets.count - 1 }

    /// How many rows they have together.
    public var rows: Int { offsets[offsets.count - 1] }

    /// The rows of sequence `index`.
    public subscript(index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }

    /// The number of rows of every sequence, in order.
    public var lengths: [Int] { (0..<count).map { self[$0].count } }

    /// Segments in which each `groupSize` neighbours are one: a study's four views, its intact and masked report.
    public func grouped(by groupSize: Int) -> Segments {
        precondition(groupSize > 0 && count % groupSize == 0, "\(count) segments in groups of \(groupSize)")
        return Segments(
            lengths: stride(from: 0, to: count, by: groupSize).map { offsets[$0 + groupSize] - offsets[$0] })
    }
}
