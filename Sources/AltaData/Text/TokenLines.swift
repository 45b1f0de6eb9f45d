/// Lines of text to lines of JSON, in a stream: `{"ids": [101, ..., 102]}` for each line, not truncated.
///
/// LF alone ends a line. The last line counts without one too; an LF at the end begins no further line. Bytes that are not
/// UTF-8 count as U+FFFD.
public struct TokenLines: Sendable {
    private static let lineFeed = UInt8(ascii: "\n")

    private let tokenizer: WordPieceTokenizer
    private var pending: [UInt8] = []

    /// A stream at its beginning.
    public init(tokenizer: WordPieceTokenizer) { self.tokenizer = tokenizer }

    /// Takes the next bytes, cut anywhere; returns the JSON of the lines that are complete now.
    public mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        guard let lastLineFeed = bytes.lastIndex(of: Self.lineFeed) else {
            pending += bytes
            return []
        }
        pending += bytes[...lastLineFeed]
        defer { pending = Array(bytes[(lastLineFeed + 1)...]) }
        return json(of: pending)
    }

    /// Ends the stream; returns the JSON of a last line without an LF.
    public mutating func finish() -> [UInt8] {
        guard !pending.isEmpty else { return [] }
        pending.append(Self.lineFeed)
        defer { pending = [] }
        return json(of: pending)
    }

    private func json(of lines: [UInt8]) -> [UInt8] {
        var json: [UInt8] = []
        var ids: [Int32] = []
        for line in lines.dropLast().split(separator: Self.lineFeed, omittingEmptySubsequences: false) {
            ids.removeAll(keepingCapacity: true)
            ids.append(tokenizer.classificationID)
            tokenizer.encode(utf8: line.span, into: &ids)
            if let separator = tokenizer.separatorID { ids.append(separator) }
            Self.append(ids, to: &json)
        }
        return json
    }

    private static func append(_ ids: [Int32], to json: inout [UInt8]) {
        json += #"{"ids": ["#.utf8
        for (place, id) in ids.enumerated() {
            if place > 0 { json += ", ".utf8 }
            json += String(id).utf8
        }
        json += "]}\n".utf8
    }
}
