import AltaCore
import AltaFormats

/// BERT's WordPiece tokenizer: the ids of Hugging Face's fast `BertWordPieceTokenizer(lowercase=True)`.
///
/// Special tokens spelled out in the text are recognised before anything else; the rest is cleaned, lower-cased, stripped
/// of accents and split into words (`WordPieceSplitter`), and each word is cut into the longest tokens of the vocabulary
/// from the left. Immutable and shared freely between threads.
public struct WordPieceTokenizer: Sendable {
    /// The five special tokens of BERT.
    public typealias Special = WordVocabulary.Special

    /// A word of more scalars than this becomes [UNK].
    public static let maximumWordLength = 100

    /// How many ids there are: every id is below it.
    public let vocabularySize: Int
    /// The id of [UNK].
    public let unknownID: Int32
    /// The id of [CLS].
    public let classificationID: Int32
    /// The id of [SEP], where the vocabulary has one; the published one of MRM has none.
    public let separatorID: Int32?
    /// The id of [MASK].
    public let maskID: Int32
    /// The id of [PAD], where the vocabulary has one. Nothing here pads; it is special nevertheless.
    public let paddingID: Int32?

    private let trie: WordPieceTrie
    private let continuationRoot: Int32
    /// Whether the token of each id begins with `##`: `[vocabularySize]`.
    private let pieces: [Bool]
    private let splitter = WordPieceSplitter()

    /// A tokenizer over a `vocab.txt`.
    ///
    /// - Parameter needsSeparator: whether [SEP] must be among the tokens.
    /// - Throws: `AltaError` where [UNK], [CLS], [MASK] or a needed [SEP] is missing, or the tokens together exceed 16 MB.
    public init(vocabulary: WordVocabulary, needsSeparator: Bool = true) throws {
        try self.init(
            tokens: (0..<vocabulary.count).map(vocabulary.token), file: vocabulary.path, needsSeparator: needsSeparator)
    }

    /// A tokenizer over `tokens`, whose places are their ids, as the lines of a `vocab.txt`.
    ///
    /// - Parameters:
    ///   - file: where they came from, for messages.
    ///   - needsSeparator: whether [SEP] must be among them.
    /// - Throws: `AltaError` where [UNK], [CLS], [MASK] or a needed [SEP] is missing, or the tokens together exceed 16 MB.
    public init(tokens: [String], file: String? = nil, needsSeparator: Bool = true) throws {
        var byteCount = 0
        for token in tokens { byteCount += token.utf8.count }
        guard byteCount < WordPieceTrie.maximumNodeCount else {
            throw AltaError(
                "the vocabulary is too large", why: "\(byteCount) bytes in \(tokens.count) tokens, of at most 16 MB",
                remedy: "give a BERT vocab.txt, one token a line", file: file)
        }
        var trie = WordPieceTrie()
        for (id, token) in tokens.enumerated() where !token.isEmpty { trie.insert(token.utf8, id: Int32(id)) }
        try self.init(
            trie: trie, pieces: tokens.map { $0.utf8.starts(with: "##".utf8) }, needsSeparator: needsSeparator,
            file: file)
    }

    private init(trie: WordPieceTrie, pieces: [Bool], needsSeparator: Bool, file: String?) throws {
        func find(_ special: Special) -> Int32? {
            let node = trie.node(special.rawValue.utf8)
            let id = node == WordPieceTrie.none ? WordPieceTrie.none : trie.token(at: node)
            return id == WordPieceTrie.none ? nil : id
        }
        let needed = Special.allCases.filter { $0 != .padding && ($0 != .separator || needsSeparator) }
        let missing = needed.filter { find($0) == nil }.map(\.rawValue)
        guard missing.isEmpty, let unknown = find(.unknown), let classification = find(.classification),
            let mask = find(.mask)
        else {
            throw AltaError(
                "the vocabulary lacks \(missing.joined(separator: ", "))",
                why: "\(pieces.count) tokens were read; this needs \(needed.map(\.rawValue).joined(separator: ", "))",
                remedy: "give the vocab.txt of a BERT model, or make one with alta-data vocabulary", file: file)
        }
        self.trie = trie
        self.pieces = pieces
        vocabularySize = pieces.count
        (unknownID, classificationID, maskID) = (unknown, classification, mask)
        (separatorID, paddingID) = (find(.separator), find(.padding))
        continuationRoot = trie.node("##".utf8)
    }

    /// Whether an id is one of [PAD], [UNK], [CLS], [SEP] and [MASK].
    public func isSpecial(_ id: Int32) -> Bool {
        id == unknownID || id == classificationID || id == separatorID || id == maskID || id == paddingID
    }

    /// Whether an id's token begins with `##`: it continues the word before it.
    public func isPiece(_ id: Int32) -> Bool { pieces[Int(id)] }

    /// The id of a token exactly as it stands in the vocabulary, or nil.
    public func id(of token: String) -> Int32? {
        let node = trie.node(token.utf8)
        guard node != WordPieceTrie.none, trie.token(at: node) != WordPieceTrie.none else { return nil }
        return trie.token(at: node)
    }

    /// The ids of a text, without [CLS] and [SEP], not truncated.
    public func encode(_ text: String) -> [Int32] {
        var ids: [Int32] = []
        var text = text
        text.makeContiguousUTF8()
        encode(utf8: text.utf8.span, into: &ids)
        return ids
    }

    /// The ids of a text between [CLS] and, where the vocabulary has one, [SEP]; not truncated.
    public func encodeWithSpecials(_ text: String) -> [Int32] {
        [classificationID] + encode(text) + (separatorID.map { [$0] } ?? [])
    }

    /// Appends the ids of UTF-8 bytes. Bytes that are not UTF-8 count as U+FFFD, which the reference deletes.
    public func encode(utf8 bytes: borrowing Span<UInt8>, into ids: inout [Int32]) {
        var start = 0
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "["), let special = special(bytes, at: index) else {
                index += 1
                continue
            }
            encodePlain(bytes, start..<index, into: &ids)
            ids.append(special.id)
            index += special.byteCount
            start = index
        }
        encodePlain(bytes, start..<bytes.count, into: &ids)
    }

    private func special(_ bytes: borrowing Span<UInt8>, at start: Int) -> (id: Int32, byteCount: Int)? {
        for special in Special.allCases {
            let name = special.rawValue.utf8
            guard start + name.count <= bytes.count, let id = id(of: special) else { continue }
            if zip(name, start..<(start + name.count)).allSatisfy({ $0 == bytes[$1] }) { return (id, name.count) }
        }
        return nil
    }

    private func id(of special: Special) -> Int32? {
        switch special {
        case .padding: return paddingID
        case .unknown: return unknownID
        case .classification: return classificationID
        case .separator: return separatorID
        case .mask: return maskID
        }
    }

    private func encodePlain(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, into ids: inout [Int32]) {
        splitter.forEachWord(in: bytes, range) { word, scalarCount in
            guard scalarCount <= Self.maximumWordLength, cut(word, into: &ids) else { return ids.append(unknownID) }
        }
    }

    /// Appends the tokens of a word, or nothing where it cannot be cut to its end.
    @inline(__always)
    private func cut(_ word: [UInt8], into ids: inout [Int32]) -> Bool {
        let countBefore = ids.count
        var start = 0
        var root = WordPieceTrie.root
        while start < word.count {
            var (node, end, token) = (root, start, WordPieceTrie.none)
            var index = start
            while index < word.count {
                node = trie.child(of: node, word[index])
                guard node != WordPieceTrie.none else { break }
                index += 1
                if trie.token(at: node) != WordPieceTrie.none { (end, token) = (index, trie.token(at: node)) }
            }
            guard token != WordPieceTrie.none else {
                ids.removeLast(ids.count - countBefore)
                return false
            }
            ids.append(token)
            start = end
            root = continuationRoot
            guard start == word.count || root != WordPieceTrie.none else {
                ids.removeLast(ids.count - countBefore)
                return false
            }
        }
        return true
    }
}
