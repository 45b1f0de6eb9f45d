import AltaCore
import AltaData
import AltaTestSupport
import Testing

@Suite struct MaskedWordsTests {
    static let padding: Int32 = 0

    /// As the script that recorded the tables names its tokens.
    static func isPiece(_ id: Int32) -> Bool { id > 4 && id % 3 == 0 }

    @Test(arguments: 0..<3) func masksAreThoseOfTheReferenceWithTheSameDraws(number: Int) throws {
        let fixtures = try ImageFixtures("pretraining.safetensors")
        let setting = try #require(
            JSONValue(parsing: fixtures.expected.metadata["masks"] ?? "").array?[number].object)
        let length = try #require(setting["max_tokens"]?.int)
        let separator = try Int32(#require(setting["separator"]?.int))
        let words = MaskedWords(
            maskID: try Int32(#require(setting["mask"]?.int)), endIDs: [Self.padding, separator], paddedCount: length)
        let taken = try fixtures.tensor("masks/\(number)/draws").floats().map(Double.init)
        let tables = try ["ids", "masked", "labels"].map { name in
            try fixtures.tensor("masks/\(number)/\(name)").integers().map { Int32($0) }
        }
        var next = 0
        for start in stride(from: 0, to: tables[0].count, by: length) {
            let padded = tables[0][start..<(start + length)]
            let ids = Array(padded.prefix(1 + (padded.lastIndex { $0 != Self.padding } ?? start) - start))
            let positions = words.positions(in: ids, isPiece: Self.isPiece) { _ in
                defer { next += 1 }
                return taken[next]
            }
            let report = PreparedReport(ids: ids, maskedPositions: positions, maskID: words.maskID)
            #expect(report.maskedIDs == Array(tables[1][start..<(start + ids.count)]))
            let expected = (0..<length).filter { tables[2][start + $0] != -100 }
            #expect(positions == expected)
            #expect(report.labels == expected.map { tables[2][start + $0] })
        }
        #expect(next == taken.count)
        #expect(taken.count > 100)
    }

    @Test func piecesFollowTheirWordAndDrawNothing() {
        let words = MaskedWords(maskID: 3, endIDs: [0], paddedCount: 20)
        let ids: [Int32] = [2, 5, 6, 9, 7, 6, 1, 8]
        #expect(words.positions(in: ids, isPiece: Self.isPiece, draws: [0.4, 0.6, 0.1, 0.5]) == [1, 2, 3, 6])
        #expect(words.positions(in: ids, isPiece: Self.isPiece, draws: [0.5, 0.2, 0.9, 0.49]) == [4, 5, 7])
    }

    @Test func aReportThatFillsAllPositionsKeepsItsLastToken() {
        let ids: [Int32] = [2, 5, 6, 9, 7]
        func hidden(_ length: Int) -> [Int] {
            MaskedWords(maskID: 3, endIDs: [0], paddedCount: length)
                .positions(in: ids, isPiece: Self.isPiece) { _ in 0 }
        }
        #expect(hidden(5) == [1, 2, 3])
        #expect(hidden(6) == [1, 2, 3, 4])
        #expect(
            MaskedWords(maskID: 3, endIDs: [0], paddedCount: 1).positions(in: [2], isPiece: { _ in false }) { _ in 0 }
                == [])
    }
}

/// Reports of the pretraining stage.
@Suite struct PretrainingReportTests {
    static let tokens = ["[PAD]", "[UNK]", "[CLS]", "[MASK]", "heart", "lungs", "##s", "tube", ".", "clear"]
    static let report = "Tubes clear. Heart lungs. Qqq tubes."

    func preparation(maxTokens: Int = 100, tokens: [String] = tokens) throws -> ReportPreparation {
        try ReportPreparation(
            tokenizer: WordPieceTokenizer(tokens: tokens, needsSeparator: false), maxTokens: maxTokens)
    }

    @Test func aVocabularyWithoutSeparatorServesPretrainingAlone() throws {
        #expect(try preparation().encode(Self.report) == [2, 7, 6, 9, 8, 4, 5, 8, 1, 7, 6, 8])
        let error = #expect(throws: AltaError.self) { try WordPieceTokenizer(tokens: Self.tokens) }
        #expect(error?.what == "the vocabulary lacks [SEP]")
        let needed = #expect(throws: AltaError.self) {
            try WordPieceTokenizer(tokens: ["[PAD]", "[CLS]", "a"], needsSeparator: false)
        }
        #expect(needed?.what == "the vocabulary lacks [UNK], [MASK]")
        #expect(needed?.why?.contains("[SEP]") == false)
    }

    @Test func reportsAreCutAtTheMaximumWithAndWithoutSeparator() throws {
        let whole = try preparation().encode(Self.report)
        #expect(try preparation(maxTokens: 5).encode(Self.report) == Array(whole.prefix(5)))
        let separated = try preparation(maxTokens: 5, tokens: Self.tokens + ["[SEP]"])
        #expect(separated.encode(Self.report) == Array(whole.prefix(4)) + [10])
        for row in 0..<200 {
            let prepared = separated.prepareWords(Self.report, seed: 1, epoch: 0, study: StudyIndex(row))
            #expect(!prepared.maskedPositions.contains(0) && !prepared.maskedPositions.contains(4))
        }
    }

    @Test func halfOfTheWordsAreMaskedWithTheirPieces() throws {
        let preparation = try preparation()
        let studies = 4000
        var counts = [Int](repeating: 0, count: 12)
        for row in 0..<studies {
            let prepared = preparation.prepareWords(Self.report, seed: 3, epoch: 1, study: StudyIndex(row))
            #expect(prepared == preparation.prepareWords(Self.report, seed: 3, epoch: 1, study: StudyIndex(row)))
            for position in prepared.maskedPositions { counts[position] += 1 }
            #expect(prepared.maskedPositions.contains(1) == prepared.maskedPositions.contains(2))
        }
        #expect(counts[0] == 0)
        // Five standard deviations of a fair coin thrown 4,000 times are 4 %.
        for count in counts.dropFirst() { #expect(abs(Double(count) / Double(studies) - 0.5) < 0.04) }
        #expect(counts[9] == counts[10])
    }

    @Test func drawsHangOnSeedEpochAndStudyAlone() throws {
        let preparation = try preparation()
        let report = [String](repeating: Self.report, count: 6).joined(separator: " ")
        let base = preparation.prepareWords(report, seed: 1, epoch: 0, study: StudyIndex(0))
        for (seed, epoch, row) in [(2, 0, 0), (1, 1, 0), (1, 0, 1)] as [(UInt64, Int, Int)] {
            let other = preparation.prepareWords(report, seed: seed, epoch: epoch, study: StudyIndex(row))
            #expect(other.ids == base.ids && other.maskedPositions != base.maskedPositions)
        }
    }
}
