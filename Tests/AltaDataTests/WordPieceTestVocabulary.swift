import AltaData
import AltaFormats
import AltaTestSupport

/// Vocabularies and digests that the tokenizer's tests share.
enum WordPieceTestVocabulary {
    static let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    /// The five special tokens, then each scalar as a word and as a continuation.
    static func tokenizer(of scalars: some Sequence<UInt32>) throws -> WordPieceTokenizer {
        var seen: Set<UInt32> = []
        var tokens = specials
        for value in scalars where seen.insert(value).inserted {
            guard let scalar = Unicode.Scalar(value) else { continue }
            tokens += [String(scalar), "##\(scalar)"]
        }
        return try WordPieceTokenizer(tokens: tokens)
    }

    /// `bert-base-uncased`, where the shared material is there.
    static let bertPath = SharedMaterial.shared("vocabulary/bert-base-uncased.txt")

    static func bert(_ path: String) throws -> WordPieceTokenizer {
        try WordPieceTokenizer(vocabulary: WordVocabulary(path: path))
    }
}

/// FNV-1a over the little-endian bytes of ids, as the script that made the reference's digests computes it.
struct TokenDigest: Equatable {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ ids: some Sequence<Int32>) {
        for id in ids {
            for shift in stride(from: 0, to: 32, by: 8) {
                value = (value ^ UInt64((id >> Int32(shift)) & 0xFF)) &* 0x100_0000_01B3
            }
        }
    }
}
