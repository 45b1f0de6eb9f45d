import AltaCore
import AltaFormats
import AltaTestSupport
import Testing

@Suite struct WordVocabularyTests {
    private func vocabulary(_ text: String) throws -> WordVocabulary {
        try WordVocabulary(content: Array(text.utf8), path: "vocab.txt")
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func linesAreTokens(end: String) throws {
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "lung", "##s", " ", "", "\u{E9}"]
        let vocabulary = try vocabulary(tokens.joined(separator: end) + end)
        #expect(vocabulary.count == tokens.count)
        for (id, token) in tokens.enumerated() {
            #expect(vocabulary.token(id) == token && vocabulary.id(of: token) == id, "\(token)")
        }
        #expect(vocabulary.id(of: "lungs") == nil && vocabulary.id(of: "lun") == nil)
        #expect(try WordVocabulary.Special.allCases.map(vocabulary.special) == [0, 1, 2, 3, 4])
    }

    @Test func lastOfRepeatedTokensCounts() throws {
        let vocabulary = try vocabulary("a\nb\na\nc")
        #expect(vocabulary.id(of: "a") == 2 && vocabulary.token(0) == "a" && vocabulary.count == 4)
    }

    @Test func tokensAreComparedByteByByte() throws {
        let vocabulary = try vocabulary("\u{E9}\ne\u{301}\n")
        #expect(vocabulary.id(of: "\u{E9}") == 0 && vocabulary.id(of: "e\u{301}") == 1)
    }

    @Test func missingSpecialTokenIsNamed() throws {
        let vocabulary = try vocabulary("\u{FEFF}[PAD]\n[UNK]\n")
        #expect(try vocabulary.special(.padding) == 0)
        let error = try #require(throws: AltaError.self) { try vocabulary.special(.mask) }
        #expect("\(error)".contains("[MASK]") && error.file == "vocab.txt" && error.remedy != nil)
    }

    @Test func unusableFilesAreRefused() throws {
        #expect(throws: AltaError.self) { try vocabulary("") }
        #expect(throws: AltaError.self) { try WordVocabulary(path: "/absent/vocab.txt") }
        #expect(throws: AltaError.self) { try WordVocabulary(path: "/") }
        let error = try #require(throws: AltaError.self) {
            try WordVocabulary(content: [0x61, 0x0A, 0xFF, 0x0A], path: "v")
        }
        #expect(error.row == 2 && "\(error)".contains("UTF-8"))
        #expect(throws: AltaError.self) {
            try WordVocabulary(
                content: [UInt8](repeating: 0x0A, count: WordVocabulary.maximumTokenCount + 1), path: "v")
        }
    }

    @Test(.enabled(if: SharedMaterial.shared("vocabulary/bert-base-uncased.txt") != nil)) func realVocabulary() throws {
        let path = try #require(SharedMaterial.shared("vocabulary/bert-base-uncased.txt"))
        let vocabulary = try WordVocabulary(path: path)
        #expect(vocabulary.count == 30522)
        #expect(vocabulary.id(of: "[MASK]") == 103 && vocabulary.id(of: "lung") == 11192)
        #expect((0..<vocabulary.count).allSatisfy { vocabulary.id(of: vocabulary.token($0)) == $0 })
    }
}
