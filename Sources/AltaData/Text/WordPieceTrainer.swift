import AltaCore

/// Trains a WordPiece vocabulary on reports: the words of BERT's basic tokenisation, cut into characters, whose most
/// frequent neighbours are merged until the vocabulary is full (as Hugging Face's `WordPieceTrainer` does).
///
/// The result depends on the multiset of words alone, not on the order of the reports.
public struct WordPieceTrainer: Sendable {
    /// Pairs seen less often are not merged.
    public static let minimumPairCount = 2
    /// Of more different characters than this only the most frequent are kept.
    public static let maximumAlphabetCount = 1000

    private let splitter = WordPieceSplitter()
    private var wordCounts: [[UInt8]: Int] = [:]

    /// A trainer that has seen nothing.
    public init() {}

    /// How many different words it has seen.
    public var distinctWordCount: Int { wordCounts.count }

    /// Counts the words of a text. Special tokens spelled out in it, and words that are always [UNK], are left out.
    public mutating func add(_ text: String) {
        var text = text
        for special in WordPieceTokenizer.Special.allCases where text.contains("[") {
            text = text.split(separator: special.rawValue, omittingEmptySubsequences: false).joined(separator: " ")
        }
        text.makeContiguousUTF8()
        let bytes = text.utf8.span
        splitter.forEachWord(in: bytes, 0..<bytes.count) { word, scalarCount in
            guard scalarCount <= WordPieceTokenizer.maximumWordLength else { return }
            wordCounts[word, default: 0] += 1
        }
    }

    /// The vocabulary, in the order of the ids: the special tokens, every character at the start of a word and (`##`)
    /// within one, then the merges in the order they were made.
    ///
    /// All printable ASCII is in it, seen or not, so that ordinary text never becomes [UNK]. It is shorter than `size`
    /// where no pair occurs twice any more.
    /// - Throws: `AltaError` where no word was seen, or `size` does not hold the characters.
    public func train(size: Int) throws -> [String] {
        guard !wordCounts.isEmpty else {
            throw AltaError(
                "no words to train a vocabulary on", why: "the reports hold no text",
                remedy: "give a table whose report column has text")
        }
        let alphabet = alphabet()
        let specials = WordPieceTokenizer.Special.allCases.map(\.rawValue)
        let smallest = specials.count + alphabet.count
        guard size >= smallest else {
            throw AltaError(
                "a vocabulary of \(size) tokens is too small",
                why: "the special tokens and single characters alone are \(smallest)",
                remedy: "ask for at least \(smallest); some 2000 suit a few thousand reports")
        }
        var merging = WordPieceMerging(alphabet: alphabet, wordCounts: wordCounts)
        while specials.count + merging.symbols.count < size, merging.mergeMostFrequentPair(Self.minimumPairCount) {}
        return specials + merging.symbols.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The single-character tokens, sorted by their bytes: those that begin words, then those within words.
    private func alphabet() -> [[UInt8]] {
        var counts: [Unicode.Scalar: Int] = [:]
        for (word, count) in wordCounts {
            for scalar in String(decoding: word, as: UTF8.self).unicodeScalars { counts[scalar, default: 0] += count }
        }
        let frequent = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumAlphabetCount)
        let ascii = (UInt8(0x21)...0x7E).map { Unicode.Scalar($0) }.filter { !("A"..."Z").contains($0) }
        let characters = Set(frequent.map(\.key)).union(ascii).sorted()
        let initial = characters.map { Array(String($0).utf8) }
        // Punctuation is a word of its own, so it never continues one.
        let within = zip(characters, initial).filter { !isWordOfItsOwn($0.1) }.map { Array("##".utf8) + $0.1 }
        return initial + within
    }

    private func isWordOfItsOwn(_ character: [UInt8]) -> Bool {
        let probe = [UInt8(ascii: "a")] + character
        var words = 0
        let bytes = probe.span
        splitter.forEachWord(in: bytes, 0..<bytes.count) { _, _ in words += 1 }
        return words > 1
    }
}
