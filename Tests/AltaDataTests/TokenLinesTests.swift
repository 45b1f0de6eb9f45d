import AltaData
import Testing

@Suite struct TokenLinesTests {
    func json(_ pieces: [[UInt8]]) throws -> String {
        let tokens = WordPieceTestVocabulary.specials + ["a", "b"]
        var lines = try TokenLines(tokenizer: WordPieceTokenizer(tokens: tokens))
        var json: [UInt8] = []
        for piece in pieces { json += lines.append(piece) }
        return String(decoding: json + lines.finish(), as: UTF8.self)
    }

    @Test func oneObjectALine() throws {
        let expected = "{\"ids\": [2, 5, 3]}\n{\"ids\": [2, 3]}\n{\"ids\": [2, 6, 5, 3]}\n"
        #expect(try json([Array("a\n\nb a\n".utf8)]) == expected)
        #expect(try json([Array("a\n\nb a".utf8)]) == expected)
    }

    @Test func whereTheStreamIsCutDoesNotMatter() throws {
        let bytes = Array("a b\r a\n\u{E9}\u{6F22}b\n\na".utf8) + [0xFF, 0x0A, 0xE6]
        let whole = try json([bytes])
        #expect(whole.split(separator: "\n").count == 5)
        for cut in bytes.indices { #expect(try json([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole) }
    }

    @Test func lineFeedAloneEndsALine() throws {
        #expect(try json([Array("a\rb\u{2028}a\u{85}\u{B}b".utf8)]) == "{\"ids\": [2, 5, 6, 1, 3]}\n")
    }

    @Test func nothingGivesNothing() throws {
        #expect(try json([]) == "")
        #expect(try json([[0x0A]]) == "{\"ids\": [2, 3]}\n")
    }
}
