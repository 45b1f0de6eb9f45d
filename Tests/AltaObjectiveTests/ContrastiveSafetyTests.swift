import AltaCore
import AltaObjective
import AltaObjectiveSupport
import AltaTensor
import Testing

/// Batches at an end of the formulas' range, on several ranks and in both formats, against the dense formulas.
@Suite struct ContrastiveSafetyTests {
    static let formats: [NumberFormat] = ((try? Engine.multipliesHalf()) ?? false) ? [.full, .half] : [.full]
    /// The first rank has most, the third nothing.
    static let shares = [[0, 1, 3], [2, 4], []]

    private func expectEqual(
        _ batch: EmbeddingBatch, _ format: NumberFormat, shares: [[Int]] = shares, cancels: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let run = try ShardedRun.evaluate(batch, shares: shares, format: format)
        let failures = ContrastiveComparison(run, batch, format: format, cancels: cancels).failures
        #expect(failures == [], sourceLocation: sourceLocation)
        let alone = try ShardedRun.evaluate(batch, rankCount: 1, format: format)
        #expect(run == alone, "bits", sourceLocation: sourceLocation)
    }

    /// Affinities are off by 1e-6 after 128 products, a logit of 1e4 by 1e-2 where all of them add up.
    @Test(arguments: formats) func fullSizeAtTheClamp(format: NumberFormat) throws {
        let batch = EmbeddingBatch.random(
            seed: 1, width: 128, patches: 196, wordCounts: [60, 1, 126], scale: Float(Double.naturalLogarithm(100)),
            spread: 0.25)
        try expectEqual(batch, format, shares: [[0, 2], [], [1]])
    }

    /// Every softmax over words has one element, and every pooling one word.
    @Test(arguments: formats) func oneWordInEveryReportAndOnePatchInEveryStudy(format: NumberFormat) throws {
        let batch = EmbeddingBatch.random(seed: 2, width: 16, patches: 1, wordCounts: [1, 1, 1, 1, 1])
        try expectEqual(batch, format)
    }

    @Test(arguments: formats) func nothingButZero(format: NumberFormat) throws {
        var batch = EmbeddingBatch.random(seed: 3, width: 16, patches: 7, wordCounts: [3, 1, 4, 1, 5])
        batch.patches = batch.patches.map { _ in 0 }
        batch.words = batch.words.map { _ in 0 }
        try expectEqual(batch, format)
    }

    /// Study and report vectors are of norm 1; what is not must not end in a number that is none.
    @Test(arguments: [0, 0x1p-140, 1e15] as [Float], formats)
    func vectorsOfAnyNorm(factor: Float, format: NumberFormat) throws {
        var batch = EmbeddingBatch.random(seed: 4, width: 16, patches: 7, wordCounts: [3, 1, 4, 1, 5])
        batch.images = batch.images.map { $0 * factor }
        batch.texts = batch.texts.map { $0 * factor }
        try expectEqual(batch, format)
    }

    /// Words and patches at the two ends at once: their cosines are those of ordinary numbers.
    @Test(arguments: formats) func smallWordsAndLargePatches(format: NumberFormat) throws {
        var batch = EmbeddingBatch.random(seed: 5, width: 16, patches: 7, wordCounts: [3, 1, 4, 1, 5])
        batch.words = batch.words.map { $0 * 1e-3 }
        batch.patches = batch.patches.map { $0 * 1e6 }
        try expectEqual(batch, format)
    }

    @Test(arguments: formats) func allAlikeAtTheClamp(format: NumberFormat) throws {
        let one = EmbeddingBatch.random(
            seed: 6, width: 16, patches: 7, wordCounts: [4], scale: Float(Double.naturalLogarithm(100)))
        try expectEqual(one.repeated(5), format, cancels: true)
    }

    @Test(arguments: ContrastiveCase.Kind.allCases, formats)
    func everyKindOfRandomBatch(kind: ContrastiveCase.Kind, format: NumberFormat) throws {
        let cases = (UInt64(100)...).lazy.map(ContrastiveCase.draw(seed:))
        let sample = try #require(cases.first { $0.kind == kind && $0.batch.count > 4 && $0.batch.count < 20 })
        try expectEqual(
            sample.batch, format, shares: sample.shares(rankCount: 4), cancels: kind == .identical)
    }
}
