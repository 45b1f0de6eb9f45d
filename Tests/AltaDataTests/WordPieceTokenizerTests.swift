import AltaCore
import AltaData
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

@Suite struct WordPieceTokenizerTests {
    static let tokens =
        WordPieceTestVocabulary.specials + [
            "lung", "##s", "##ing", "un", "##ung", "clear", ".", "[", "]", "mask", "caf", "##e", "x", "##x", "p", "##n",
        ]

    func tokenizer() throws -> WordPieceTokenizer { try WordPieceTokenizer(tokens: Self.tokens) }

    func words(_ text: String) throws -> [String] { try tokenizer().encode(text).map { Self.tokens[Int($0)] } }

    @Test func cutsTheLongestTokenFromTheLeft() throws {
        #expect(try words("Lungs CLEAR.") == ["lung", "##s", "clear", "."])
        #expect(try words("lunging") == ["lung", "##ing"])
    }

    @Test func aWordThatCannotBeCutIsUnknownAsAWhole() throws {
        #expect(try words("lungsz clear") == ["[UNK]", "clear"])
        #expect(try words("z") == ["[UNK]"])
    }

    @Test func aContinuationIsNoWordAndAWordNoContinuation() throws {
        #expect(try words("s") == ["[UNK]"])
        #expect(try words("xclear") == ["[UNK]"])
    }

    @Test func specialTokensAreRecognisedOnlyAsSpelled() throws {
        #expect(try words("lung[MASK]s [CLS]") == ["lung", "[MASK]", "[UNK]", "[CLS]"])
        #expect(try words("[mask]") == ["[", "mask", "]"])
        #expect(try words("[[SEP]]") == ["[", "[SEP]", "]"])
        #expect(try words("[MASK") == ["[", "mask"])
    }

    @Test func accentsControlsAndInvalidBytesVanish() throws {
        let cafe = ["caf", "##e"]
        #expect(try words("Caf\u{E9} cafe\u{301} ca\u{200B}f\u{AD}e\u{7}") == cafe + cafe + cafe)
        var ids: [Int32] = []
        let bytes: [UInt8] = Array("lu".utf8) + [0xFF, 0xE2, 0x82] + Array("ng".utf8) + [0xC0, 0x80, 0x20, 0xED, 0xA0]
        try tokenizer().encode(utf8: bytes.span, into: &ids)
        #expect(ids == [5])
    }

    @Test func wordsOfMoreThanAHundredScalarsAreUnknown() throws {
        let longest = String(repeating: "x", count: 100)
        #expect(try words(longest).count == 100)
        #expect(try words(longest + "x") == ["[UNK]"])
        #expect(try words(String(repeating: "x\u{301}", count: 100)).count == 100)
    }

    @Test func nothingGivesNothing() throws {
        #expect(try words("") == [])
        #expect(try words(" \t\r\n\u{A0}\u{200B}") == [])
        #expect(try tokenizer().encodeWithSpecials("") == [2, 3])
    }

    @Test func ofEqualTokensTheLaterCounts() throws {
        let tokenizer = try WordPieceTokenizer(tokens: Self.tokens + ["lung"])
        #expect(tokenizer.encode("lung") == [Int32(Self.tokens.count)])
    }

    @Test func aVocabularyWithoutContinuationsCutsWholeWordsOnly() throws {
        let tokenizer = try WordPieceTokenizer(tokens: WordPieceTestVocabulary.specials + ["lung"])
        #expect(tokenizer.encode("lung lungs") == [5, 1])
    }

    @Test(arguments: ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]) func aMissingSpecialTokenIsNamed(special: String) throws {
        let error = #expect(throws: AltaError.self) {
            try WordPieceTokenizer(tokens: Self.tokens.filter { $0 != special }, file: "vocab.txt")
        }
        #expect(error?.what.contains(special) == true)
        #expect(error?.file == "vocab.txt")
        #expect(error?.remedy != nil)
    }

    @Test func paddingMayBeMissing() throws {
        let tokenizer = try WordPieceTokenizer(tokens: Self.tokens.filter { $0 != "[PAD]" })
        #expect(tokenizer.paddingID == nil)
        #expect(!tokenizer.encode("[PAD]").isEmpty)
        #expect(tokenizer.isSpecial(tokenizer.unknownID))
    }
}

/// Against Hugging Face's ids for `bert-base-uncased`.
@Suite(.enabled(if: WordPieceTestVocabulary.bertPath != nil)) struct WordPieceReferenceTests {
    struct Line: Decodable {
        let text: String
        let ids: [Int32]
    }

    func tokenizer() throws -> WordPieceTokenizer {
        try WordPieceTestVocabulary.bert(#require(WordPieceTestVocabulary.bertPath))
    }

    @Test func fixture() throws {
        let tokenizer = try tokenizer()
        let lines = try String(contentsOfFile: SharedMaterial.fixture("tokens.jsonl"), encoding: .utf8)
            .split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.count == 15)
        for line in lines { #expect(tokenizer.encodeWithSpecials(line.text) == line.ids, "\(line.text)") }
    }

    /// The findings and impressions of 3,851 real reports, by a digest of the reference's ids.
    @Test(.enabled(if: SharedMaterial.shared("reports/indiana_reports.csv") != nil)) func realReports() throws {
        let tokenizer = try tokenizer()
        let table = try CSVTable(path: #require(SharedMaterial.shared("reports/indiana_reports.csv")))
        let (findings, impression) = try (table.column(named: "findings"), table.column(named: "impression"))
        var digest = TokenDigest()
        var tokenCount = 0
        for row in 0..<table.rowCount {
            let ids = tokenizer.encodeWithSpecials("\(table.field(row, findings)) \(table.field(row, impression))")
            tokenCount += ids.count
            digest.add(ids)
        }
        #expect(tokenCount == 262_792)
        #expect(digest.value == 0x6120_A101_0B78_1082)
    }

    /// The floor the project promises is 500,000 tokens/s; measured are 24 million, so that a busy machine passes too.
    @Test func speed() throws {
        let tokenizer = try tokenizer()
        let sentences = "No acute cardiopulmonary process. Bibasilar atelectasis, 2.5 cm nodule. "
        let text = String(repeating: sentences, count: 4000)
        let clock = ContinuousClock()
        var tokenCount = 0
        let elapsed = clock.measure { tokenCount = tokenizer.encode(text).count }
        let perSecond = Double(tokenCount) / (elapsed / .seconds(1))
        #expect(tokenCount > 80_000)
        #expect(perSecond > 500_000, "\(perSecond) tokens/s")
    }
}
