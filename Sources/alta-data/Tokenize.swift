import AltaCore
import AltaData
import Foundation

/// Reads lines, separated by LF alone, and writes one JSON object a line with their ids, [CLS] and [SEP] included.
struct LineTokenizer {
    private static let chunkByteCount = 1 << 20
    private static let lineFeed = UInt8(ascii: "\n")

    let tokenizer: WordPieceTokenizer

    /// Tokenizes all of `input`. The last line counts without an LF too; an LF at the end begins no further line.
    func run(input: FileHandle, output: FileHandle) throws {
        var pending: [UInt8] = []
        while let chunk = try input.read(upToCount: Self.chunkByteCount), !chunk.isEmpty {
            let bytes = [UInt8](chunk)
            guard let lastLineFeed = bytes.lastIndex(of: Self.lineFeed) else {
                pending += bytes
                continue
            }
            pending += bytes[..<lastLineFeed]
            try output.write(contentsOf: Data(lines(pending)))
            pending = Array(bytes[(lastLineFeed + 1)...])
        }
        if !pending.isEmpty { try output.write(contentsOf: Data(lines(pending))) }
    }

    /// The objects of every line of `bytes`, which does not end in an LF.
    private func lines(_ bytes: [UInt8]) -> [UInt8] {
        var json: [UInt8] = []
        var ids: [Int32] = []
        for line in bytes.split(separator: Self.lineFeed, omittingEmptySubsequences: false) {
            ids.removeAll(keepingCapacity: true)
            ids.append(tokenizer.classificationID)
            tokenizer.encode(utf8: line.span, into: &ids)
            ids.append(tokenizer.separatorID)
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
