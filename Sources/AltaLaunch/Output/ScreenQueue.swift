/// Bytes on their way to a screen that takes them when it likes. Where too many wait, lines are left out, and counted.
///
/// It neither writes nor waits.
package struct ScreenQueue {
    /// So many bytes may wait.
    package static let usualLimit = 1 << 20
    /// A pipe that is ready takes as many at once (PIPE_BUF).
    private static let largestPiece = 4096
    private static let newline = UInt8(ascii: "\n")

    private let limit: Int
    private var bytes: [UInt8] = []
    /// How many of them the screen has taken.
    private var taken = 0
    private var endsLine = true
    private var isLeavingOut = false
    private var isInLeftOutLine = false
    private var leftOut = 0

    /// An empty queue.
    package init(limit: Int = usualLimit) { self.limit = limit }

    /// How many bytes wait.
    package var count: Int { bytes.count - taken }

    /// What the screen is to take next.
    package var next: ArraySlice<UInt8> { bytes[taken...].prefix(Self.largestPiece) }

    /// The lines that the screen has not shown: those that wait, and those that were left out and not told of.
    package var unshownLines: Int {
        let begun = endsLine || count == 0 ? 0 : 1
        return leftOut + bytes[taken...].count { $0 == Self.newline } + begun
    }

    /// Adds bytes, where there is room for them.
    package mutating func append(_ piece: some Collection<UInt8>) {
        var rest = ArraySlice(piece)
        if !isLeavingOut {
            if isInLeftOutLine {
                let begin = rest.firstIndex(of: Self.newline).map { $0 + 1 } ?? rest.endIndex
                isInLeftOutLine = begin == rest.endIndex && rest.last != Self.newline
                rest = rest[begin...]
            }
            let fitting = rest.prefix(max(0, limit - count))
            isLeavingOut = fitting.count < rest.count
            var end = fitting.endIndex
            if isLeavingOut { end = fitting.lastIndex(of: Self.newline).map { $0 + 1 } ?? fitting.startIndex }
            keep(rest[..<end])
            rest = rest[end...]
        }
        leaveOut(rest)
    }

    /// Forgets bytes that the screen took.
    package mutating func took(_ count: Int) {
        taken += count
        if taken == bytes.count || taken >= 1 << 16 {
            bytes.removeFirst(taken)
            taken = 0
        }
    }

    /// Takes bytes again once there is room for many; how many lines were left out until then, nil where none were.
    package mutating func resume() -> Int? {
        guard isLeavingOut, count <= limit / 2 else { return nil }
        defer { leftOut = 0 }
        isLeavingOut = false
        if !endsLine { keep([Self.newline]) }
        return leftOut
    }

    /// Forgets everything: nobody reads it any more.
    package mutating func clear() { self = ScreenQueue(limit: limit) }

    private mutating func keep(_ piece: ArraySlice<UInt8>) {
        bytes += piece
        if let last = piece.last { endsLine = last == Self.newline }
    }

    private mutating func leaveOut(_ piece: ArraySlice<UInt8>) {
        for byte in piece {
            if !isInLeftOutLine { leftOut += 1 }
            isInLeftOutLine = byte != Self.newline
        }
    }
}
