import AltaCore
import AltaData
import Testing

@Suite struct WordPieceTrainerTests {
    static let reports = [
        "The lungs are clear. No pleural effusion or pneumothorax.", "Lungs are clear bilaterally.",
        "Small left pleural effusion; lungs otherwise clear.", "No pneumothorax. Caf\u{E9} \u{6F22}\u{5B57}.",
        "Cardiomegaly with pleural effusions.",
    ]

    func vocabulary(_ reports: [String], size: Int) throws -> [String] {
        var trainer = WordPieceTrainer()
        for report in reports { trainer.add(report) }
        return try trainer.train(size: size)
    }

    @Test func specialsCharactersThenMerges() throws {
        let tokens = try vocabulary(Self.reports, size: 220)
        #expect(Array(tokens.prefix(5)) == WordPieceTestVocabulary.specials)
        #expect(tokens.count <= 220)
        #expect(Set(tokens).count == tokens.count)
        for token in ["q", "##q", "7", "##7", "?", "\u{6F22}", "lungs", "clear", "pleural"] {
            #expect(tokens.contains(token), "\(token)")
        }
        #expect(!tokens.contains("##?") && !tokens.contains("##\u{6F22}") && !tokens.contains("A"))
    }

    @Test func theMostFrequentPairIsMergedFirst() throws {
        let smallest = try vocabulary(["ab"], size: 2000).count
        // ab is seen 3 times, ##cd (in xcd) twice, xy once: two merges, then x with ##cd, twice too.
        let tokens = try vocabulary(["ab ab ab xcd xcd xy"], size: 2000)
        #expect(Array(tokens.dropFirst(smallest)) == ["ab", "##cd", "xcd"])
    }

    @Test func mergingUpdatesTheNeighbours() throws {
        let characters = try vocabulary(["aaaa"], size: 2000).count
        // aaaa twice: a+##a, ##a+##a tie at the start only in kind: ##a ##a stands 4 times, a ##a twice.
        let tokens = try vocabulary(["aaaa aaaa"], size: 2000)
        #expect(Array(tokens.dropFirst(characters)) == ["##aa", "a##a".replacing("##", with: ""), "aaaa"].sorted(by: { _, _ in false }))
    }

    @Test func theOrderOfReportsDoesNotMatter() throws {
        let tokens = try vocabulary(Self.reports, size: 200)
        #expect(try vocabulary(Self.reports.reversed(), size: 200) == tokens)
        #expect(try vocabulary(Self.reports, size: 190) == Array(tokens.prefix(190)))
    }

    @Test func ordinaryTextNeverBecomesUnknown() throws {
        let tokenizer = try WordPieceTokenizer(tokens: vocabulary(Self.reports, size: 200))
        let ascii = String(String.UnicodeScalarView((0x20..<0x7F).compactMap { Unicode.Scalar($0) }))
        #expect(!tokenizer.encode(ascii).contains(tokenizer.unknownID))
        for report in Self.reports { #expect(!tokenizer.encode(report).contains(tokenizer.unknownID)) }
        #expect(tokenizer.encode("Lungs clear").count == 2)
    }

    @Test func specialTokensInReportsAreNoWords() throws {
        let tokens = try vocabulary(Array(repeating: "[MASK] x[SEP]y", count: 9), size: 2000)
        #expect(!tokens.contains("mask") && !tokens.contains("sep"))
        #expect(tokens.count == (try vocabulary(["x y"], size: 2000).count))
    }

    @Test func impossibleSizesAndEmptyReportsAreRefused() {
        let small = #expect(throws: AltaError.self) { try vocabulary(Self.reports, size: 20) }
        #expect(small?.description.contains("20") == true)
        #expect(small?.remedy != nil)
        #expect(throws: AltaError.self) { try vocabulary(["", " \n"], size: 2000) }
    }
}
