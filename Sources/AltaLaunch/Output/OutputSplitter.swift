/// Whose output a piece is.
public enum OutputSource: Hashable, Sendable {
    /// A rank's.
    case rank(Int)
    /// mpirun's own.
    case mpirun
    /// The launcher's: what it started.
    case launcher
}

/// Takes apart what `mpirun --tag-output` prints on one of its streams.
///
/// mpirun (4.1) puts `[job,rank]<stdout>:` in front of every chunk it received from a rank and after every newline in it,
/// and adds nothing else: a rank's half line is followed by another rank's tag on the same line. Its own messages carry no
/// tag and begin a line. Bytes may arrive cut anywhere, inside a tag too.
public struct OutputSplitter: Sendable {
    private var pending: [UInt8] = []
    private var source = OutputSource.mpirun
    private var isAtLineStart = true
    private static let longestTag = 40
    private static let newline = UInt8(ascii: "\n")
    private static let ruler = [UInt8](repeating: UInt8(ascii: "-"), count: 74) + [newline]

    /// A splitter that has seen nothing.
    public init() {}

    /// Hands each piece of `bytes` to `emit`, in order, without tags. What may be the beginning of a tag waits for more.
    public mutating func append(_ bytes: some Sequence<UInt8>, emit: (OutputSource, ArraySlice<UInt8>) -> Void) {
        pending += bytes
        split(isEnd: false, emit: emit)
    }

    /// Hands over what was still waiting: the stream has ended.
    public mutating func finish(emit: (OutputSource, ArraySlice<UInt8>) -> Void) {
        split(isEnd: true, emit: emit)
    }

    private mutating func split(isEnd: Bool, emit: (OutputSource, ArraySlice<UInt8>) -> Void) {
        var position = 0
        var pieceStart = 0
        func flush(_ source: OutputSource, _ end: Int) {
            if pieceStart < end { emit(source, pending[pieceStart..<end]) }
        }
        scan: while position < pending.count {
            switch tag(at: position, isEnd: isEnd) {
            case .incomplete: break scan
            case .tag(let rank, let length):
                flush(source, position)
                source = .rank(rank)
                position += length
                pieceStart = position
                isAtLineStart = false
                continue
            case .ownMessage:
                flush(source, position)
                pieceStart = position
                source = .mpirun
            case .text: break
            }
            isAtLineStart = pending[position] == Self.newline
            position += 1
        }
        flush(source, position)
        pending.removeFirst(position)
    }

    private enum Finding {
        case text, incomplete, ownMessage
        case tag(rank: Int, length: Int)
    }

    /// What stands at a position: a tag; the beginning of mpirun's own text; text of whoever is speaking; or too little.
    private func tag(at start: Int, isEnd: Bool) -> Finding {
        let first = pending[start]
        if first == UInt8(ascii: "[") {
            let found = bracket(at: start)
            if case .incomplete = found, isEnd { return isAtLineStart ? .ownMessage : .text }
            if case .text = found { return isAtLineStart ? .ownMessage : .text }
            return found
        }
        if isAtLineStart { return .ownMessage }
        // mpirun's messages are framed by rulers; one may follow a rank's half line.
        if first == UInt8(ascii: "-"), source != .mpirun {
            let available = pending[start...].prefix(Self.ruler.count)
            if available.elementsEqual(Self.ruler) { return .ownMessage }
            if !isEnd, available.count < Self.ruler.count, available.elementsEqual(Self.ruler.prefix(available.count)) {
                return .incomplete
            }
        }
        return .text
    }

    private func bracket(at start: Int) -> Finding {
        let window = pending[start...].prefix(Self.longestTag)
        guard let colon = window.firstIndex(of: UInt8(ascii: ":")) else {
            let mayBeTag = window.count < Self.longestTag && window.dropFirst().allSatisfy(Self.isTagByte)
            return mayBeTag ? .incomplete : .text
        }
        let text = String(decoding: window[(start + 1)..<colon], as: UTF8.self)
        let parts = text.split(separator: "]", omittingEmptySubsequences: false)
        guard parts.count == 2, ["<stdout>", "<stderr>", "<stddiag>"].contains(parts[1]) else { return .text }
        let numbers = parts[0].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let job = numbers[0], let rank = numbers[1], job >= 0, rank >= 0 else { return .text }
        return .tag(rank: rank, length: colon + 1 - start)
    }

    private static func isTagByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "<"), UInt8(ascii: ">"): true
        default: false
        }
    }
}
