import AltaComm
import AltaCore
import AltaObjective
import AltaObjectiveSupport
import AltaTensor
import Testing

@Suite struct ContrastiveObjectiveTests {
    /// 19 reports: two whole tiles and a part of one; lengths from 1 to 9; sizes that no vector width divides, so
    /// that a study's rows are aligned differently wherever it lies.
    static let uneven = EmbeddingBatch.random(
        seed: 7, width: 11, patches: 13, wordCounts: [4, 1, 9, 2, 7, 1, 3, 8, 5, 6, 1, 2, 9, 4, 4, 1, 7, 3, 5])

    @Test(arguments: [1, 2, 3, 4]) func equalsTheDenseFormulas(rankCount: Int) throws {
        expectEqual(try ShardedRun.evaluate(Self.uneven, rankCount: rankCount), Self.uneven)
    }

    @Test func sameBitsAtEveryRankCountAndDeal() throws {
        let alone = try ShardedRun.evaluate(Self.uneven, rankCount: 1)
        for rankCount in 2...5 {
            #expect(try ShardedRun.evaluate(Self.uneven, rankCount: rankCount) == alone, "\(rankCount) ranks")
        }
        let unequal = [[18], Array(0..<9), [], Array(9..<18)]
        #expect(try ShardedRun.evaluate(Self.uneven, shares: unequal) == alone)
        #expect(try ShardedRun.evaluate(Self.uneven, shares: [[], [], Array(0..<19)]) == alone)
    }

    /// Products of full size go other ways through the matrix engine than small ones.
    @Test func sameBitsAtFullSize() throws {
        let batch = EmbeddingBatch.random(
            seed: 2, width: 128, patches: 196, wordCounts: [61, 84, 23, 126, 40, 58, 97, 60, 33, 71], spread: 0.25)
        let alone = try ShardedRun.evaluate(batch, rankCount: 1)
        for rankCount in [2, 3] { #expect(try ShardedRun.evaluate(batch, rankCount: rankCount) == alone) }
        #expect(try ShardedRun.evaluate(batch, shares: [[9], [], Array(0..<9)]) == alone)
    }

    @Test(arguments: [1, 3]) func oneStudyGivesExactlyNothing(rankCount: Int) throws {
        let batch = EmbeddingBatch.random(seed: 3, width: 8, patches: 6, wordCounts: [5], scale: 4.6)
        let run = try ShardedRun.evaluate(batch, shares: Array(repeating: [], count: rankCount - 1) + [[0]])
        #expect(run.globalLoss == 0 && run.localLoss == 0)
        #expect((run.images + run.texts + run.patches + run.words).allSatisfy { $0 == 0 })
        #expect(run.scales == [0, 0, 0, 0])
    }

    /// All pairs alike: the loss is ln B and no pair is better than another.
    @Test func identicalEmbeddingsGiveChance() throws {
        var batch = EmbeddingBatch.random(seed: 4, width: 8, patches: 6, wordCounts: [3])
        batch.wordCounts = Array(repeating: 3, count: 10)
        batch.images = (0..<10).flatMap { _ in batch.images }
        batch.texts = (0..<10).flatMap { _ in batch.texts }
        batch.patches = (0..<10).flatMap { _ in batch.patches }
        batch.words = (0..<10).flatMap { _ in batch.words }
        let run = try ShardedRun.evaluate(batch, rankCount: 3)
        let chance = Double.naturalLogarithm(10)
        #expect(abs(run.globalLoss - chance) < 1e-12 && abs(run.localLoss - chance) < 1e-12)
        // Terms of size 1 cancel in every sum: what is left are roundings.
        #expect((run.images + run.texts + run.patches + run.words).allSatisfy { abs($0) < 1e-5 })
    }

    /// At the clamp a similarity's rounding (6e-8 of it) moves a logit by up to 1e-3, and so a softmax and a gradient.
    @Test func scalesAtTheirClamp() throws {
        let batch = EmbeddingBatch.random(
            seed: 5, width: 12, patches: 9, wordCounts: [4, 1, 6, 3, 5, 2, 7, 1, 3],
            scale: Float(Double.naturalLogarithm(100)))
        expectEqual(try ShardedRun.evaluate(batch, rankCount: 2), batch)
    }

    @Test func largeEmbeddingsSaturateWithoutOverflow() throws {
        let batch = EmbeddingBatch.random(seed: 6, width: 12, patches: 9, wordCounts: [4, 1, 6, 3], spread: 30)
        let run = try ShardedRun.evaluate(batch, rankCount: 2)
        #expect(run.localLoss.isFinite && (run.patches + run.words).allSatisfy(\.isFinite))
        let local = ContrastiveComparison(run, batch).rows.first { $0.name == "the local loss" }
        #expect(local?.passes == true)
    }

    /// The published floor of the cosine's denominator gives such a word a gradient of context / 1e-8: beyond the finer
    /// fixed-point scales, so a coarser one is taken, on every rank.
    @Test func wordsOfNormZero() throws {
        var batch = EmbeddingBatch.random(seed: 8, width: 12, patches: 9, wordCounts: [4, 1, 6, 3])
        for i in 0..<24 { batch.words[12 + i] = 0 }
        for i in 48..<60 { batch.words[i] = 0 }
        let alone = try ShardedRun.evaluate(batch, rankCount: 1)
        expectEqual(alone, batch)
        #expect((alone.words.map { abs($0) }.max() ?? 0) > 1e9, "the case does not reach the coarsest scale")
        #expect(try ShardedRun.evaluate(batch, rankCount: 3) == alone)
    }

    private func expectEqual(
        _ run: ShardedRun, _ batch: EmbeddingBatch, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(ContrastiveComparison(run, batch).failures == [], sourceLocation: sourceLocation)
    }
}
