import AltaCore

/// A BERT `vocab.txt`: one token a line, its id the line's number from 0.
///
/// Read as Hugging Face's `load_vocab` does: lines end in LF, CRLF or CR, blanks belong to the token, of a repeated
/// token the last line counts. Tokens are compared byte by byte (Swift's strings would take canonically equivalent
/// ones for equal), and looked up without making a String.
public struct WordVocabulary: Sendable {
    /// The tokens that stand for something other than text.
    public enum Special: String, CaseIterable, Sendable {
        case padding = "[PAD]"
        case unknown = "[UNK]"
        case classification = "[CLS]"
        case separator = "[SEP]"
        case mask = "[MASK]"
    }

    /// The longest file in bytes.
    public static let maximumByteCount = 1 << 26
    /// The most tokens.
    public static let maximumTokenCount = 1 << 22

    /// Where it came from, for messages.
    public let path: String
    /// The tokens' bytes, one after the other.
    private let bytes: [UInt8]
    /// Token `i` is `bytes[starts[i] ..< starts[i + 1]]`.
    private let starts: [Int32]
    /// A hash table with linear probing, at most half full: ids, -1 where there is none.
    private let slots: [Int32]

    /// Reads a file. Errors: it cannot be read, is empty, too long, or holds invalid UTF-8 (with the line).
    public init(path: String) throws {
        let content = try SmallFile.contents(path, what: "the vocabulary", limit: Self.maximumByteCount)
        try self.init(content: content, path: path)
    }

    /// Reads the content of a file; `path` is for messages. Errors: as `init(path:)`.
    public init(content: [UInt8], path: String) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(content.count)
        var starts: [Int32] = []
        var rest = content.starts(with: [0xEF, 0xBB, 0xBF]) ? content.dropFirst(3) : content[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != 0x0A && $0 != 0x0D }
            guard starts.count < Self.maximumTokenCount else {
                throw AltaError("more than \(Self.maximumTokenCount) tokens", remedy: Self.remedy, file: path)
            }
            guard String(validating: line, as: UTF8.self) != nil else {
                throw AltaError(
                    "a token is not valid UTF-8", remedy: "save the vocabulary as UTF-8", file: path,
                    row: starts.count + 1)
            }
            starts.append(Int32(bytes.count))
            bytes.append(contentsOf: line)
            rest = rest.dropFirst(line.count)
            rest = rest.dropFirst(rest.starts(with: [0x0D, 0x0A]) ? 2 : 1)
        }
        guard !starts.isEmpty else { throw AltaError("the vocabulary is empty", remedy: Self.remedy, file: path) }
        starts.append(Int32(bytes.count))
        self.path = path
        self.bytes = bytes
        self.starts = starts
        slots = Self.slots(bytes, starts)
    }

    private static let remedy = "give a BERT vocab.txt, one token a line"

    /// How many ids there are: one a line.
    public var count: Int { starts.count - 1 }

    /// The text of a token.
    public func token(_ id: Int) -> String {
        precondition(id >= 0 && id < count, "id \(id) of \(count) tokens")
        return String(decoding: bytes[Int(starts[id])..<Int(starts[id + 1])], as: UTF8.self)
    }

    /// The id of a token, or nil where it is not in the vocabulary.
    public func id(of token: String) -> Int? {
        var token = token
        return token.withUTF8 { id(ofUTF8: $0) }
    }

    /// The id of a token given by its bytes, or nil where it is not in the vocabulary.
    public func id(ofUTF8 token: UnsafeBufferPointer<UInt8>) -> Int? {
        let mask = slots.count - 1
        var slot = Self.hash(token) & mask
        while slots[slot] >= 0 {
            if isToken(Int(slots[slot]), token) { return Int(slots[slot]) }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The id of a special token. Errors: the vocabulary lacks it.
    public func special(_ token: Special) throws -> Int {
        guard let id = id(of: token.rawValue) else {
            throw AltaError(
                "the vocabulary has no token \(token.rawValue)", why: "it has \(count) others",
                remedy: "add a line \(token.rawValue), or give the vocab.txt that belongs to the text weights",
                file: path)
        }
        return id
    }

    private func isToken(_ id: Int, _ token: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = Int(starts[id])
        guard Int(starts[id + 1]) - start == token.count else { return false }
        for place in 0..<token.count where bytes[start + place] != token[place] { return false }
        return true
    }

    private static func slots(_ bytes: [UInt8], _ starts: [Int32]) -> [Int32] {
        var slotCount = 2
        while slotCount < 2 * starts.count { slotCount *= 2 }
        var slots = [Int32](repeating: -1, count: slotCount)
        bytes.withUnsafeBufferPointer { bytes in
            func token(_ id: Int) -> UnsafeBufferPointer<UInt8> {
                UnsafeBufferPointer(rebasing: bytes[Int(starts[id])..<Int(starts[id + 1])])
            }
            for id in 0..<(starts.count - 1) {
                let own = token(id)
                var slot = hash(own) & (slotCount - 1)
                // A repeated token takes the slot of the earlier one: the last line counts.
                while slots[slot] >= 0, !token(Int(slots[slot])).elementsEqual(own) {
                    slot = (slot + 1) & (slotCount - 1)
                }
                slots[slot] = Int32(id)
            }
        }
        return slots
    }

    /// FNV-1a, with the high bits folded in: tokens are short.
    private static func hash(_ token: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in token { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return Int(truncatingIfNeeded: hash ^ (hash >> 32))
    }
}
