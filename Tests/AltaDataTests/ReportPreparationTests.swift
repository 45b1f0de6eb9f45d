import AltaCore
import AltaData
import Testing

@Suite struct ReportPreparationTests {
    static let tokens = WordPieceTestVocabulary.specials + ["heart", "lungs", "clear", "normal", "tube", ".", "##s"]
    static let report = "Heart normal. Lungs clear. Tubes normal. Heart clear. Qqq."

    func preparation(maxTokens: Int = 128) throws -> ReportPreparation {
        try ReportPreparation(tokenizer: WordPieceTokenizer(tokens: Self.tokens), maxTokens: maxTokens)
    }

    func study(_ row: Int) -> StudyIndex { StudyIndex(row) }

    @Test func shufflingSentencesKeepsThemWhole() throws {
        let preparation = try preparation()
        let sentences = preparation.tokenizedSentences(Self.report)
        #expect(sentences.count == 5)
        var orders: Set<[Int32]> = []
        for epoch in 0..<40 {
            let prepared = preparation.prepare(Self.report, seed: 1, epoch: epoch, study: study(3))
            var rest = prepared.ids.dropFirst().dropLast()
            var left = sentences
            while !rest.isEmpty {
                let place = try #require(left.firstIndex { rest.starts(with: $0) })
                rest = rest.dropFirst(left.remove(at: place).count)
            }
            #expect(left.isEmpty)
            #expect(prepared.ids.first == 2 && prepared.ids.last == 3)
            orders.insert(prepared.ids)
        }
        #expect(orders.count > 10)
    }

    @Test func sentencesApartGiveTheIdsOfTheJoinedText() throws {
        let preparation = try preparation()
        let sentences = ReportSentences.split(Self.report)
        let order = RandomKey(seed: 1, epoch: 2, study: study(3), purpose: .sentenceOrder)
        let joined = order.permutation(sentences.count).map { sentences[$0] }.joined(separator: " ")
        let prepared = preparation.prepare(Self.report, seed: 1, epoch: 2, study: study(3))
        #expect(prepared.ids == preparation.tokenizer.encodeWithSpecials(joined))
    }

    @Test func drawsHangOnSeedEpochAndStudyAlone() throws {
        let preparation = try preparation()
        let base = preparation.prepare(Self.report, seed: 1, epoch: 0, study: study(0))
        #expect(preparation.prepare(Self.report, seed: 1, epoch: 0, study: study(0)) == base)
        for (seed, epoch, row) in [(2, 0, 0), (1, 1, 0), (1, 0, 1)] as [(UInt64, Int, Int)] {
            let other = preparation.prepare(Self.report, seed: seed, epoch: epoch, study: study(row))
            #expect(other != base)
            #expect(other.maskedPositions != base.maskedPositions)
        }
    }

    @Test func halfOfTheOrdinaryTokensAreMasked() throws {
        let preparation = try preparation()
        var masked = 0
        var candidates = 0
        for row in 0..<2000 {
            let prepared = preparation.prepare(Self.report, seed: 5, epoch: 0, study: study(row))
            candidates += prepared.ids.count(where: { !preparation.tokenizer.isSpecial($0) })
            masked += prepared.maskedPositions.count
            for position in prepared.ids.indices {
                let isMasked = prepared.maskedPositions.contains(position)
                #expect(prepared.maskedIDs[position] == (isMasked ? 4 : prepared.ids[position]))
                if isMasked { #expect(!preparation.tokenizer.isSpecial(prepared.ids[position])) }
            }
            #expect(prepared.labels == prepared.maskedPositions.map { prepared.ids[$0] })
            #expect(prepared.maskedPositions == prepared.maskedPositions.sorted())
        }
        // Five standard deviations of a fair coin thrown `candidates` times (28,000) are 1.5 %.
        #expect(abs(Double(masked) / Double(candidates) - 0.5) < 0.015)
        #expect(candidates == 2000 * 14)
    }

    @Test func longReportsAreCutAndEndWithASeparator() throws {
        let preparation = try preparation(maxTokens: 8)
        let prepared = preparation.prepare(Self.report, seed: 1, epoch: 0, study: study(0))
        #expect(prepared.ids.count == 8)
        #expect(prepared.ids.last == 3)
        let whole = try self.preparation().prepare(Self.report, seed: 1, epoch: 0, study: study(0))
        #expect(prepared.ids.dropLast() == whole.ids.prefix(7))
        // Element p of the stream decides about position p, so cutting changes no earlier draw.
        #expect(prepared.maskedPositions == whole.maskedPositions.filter { $0 < 7 })
        #expect(preparation.encode(Self.report) == [2, 5, 8, 10, 6, 7, 10, 3])
    }

    @Test func aReportWithoutATokenIsTheTwoSpecials() throws {
        let prepared = try preparation().prepare("\u{200B}", seed: 1, epoch: 0, study: study(0))
        #expect(prepared.ids == [2, 3])
        #expect(prepared.maskedIDs == [2, 3])
        #expect(prepared.maskedPositions.isEmpty && prepared.labels.isEmpty)
    }
}
