import AltaComm
import AltaCore
import AltaObjective
import AltaObjectiveSupport
import AltaTensor
import Testing

@Suite struct ContrastiveObjectiveTests {
    /// Float products and softmaxes against doubles: some ten roundings of 6e-8, amplified by logits of about 40.
    static let lossTolerance = 1e-5
    static let gradientTolerance = 2e-4

    /// 19 reports: two whole tiles and a part of one; lengths from 1 to 9; sizes that no vector width divides, so
    /// that a study's rows are aligned differently wherever it lies.
    static let uneven = SampleBatch.random(
        seed: 7, width: 11, patches: 13, wordCounts: [4, 1, 9, 2, 7, 1, 3, 8, 5, 6, 1, 2, 9, 4, 4, 1, 7, 3, 5])

    @Test(arguments: [1, 2, 3, 4]) func equalsTheDenseFormulas(rankCount: Int) throws {
        expectEqual(try ShardedRun.evaluate(Self.uneven, rankCount: rankCount), NaiveContrastive(Self.uneven))
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
        let batch = SampleBatch.random(
            seed: 2, width: 128, patches: 196, wordCounts: [61, 84, 23, 126, 40, 58, 97, 60, 33, 71], spread: 0.25)
        let alone = try ShardedRun.evaluate(batch, rankCount: 1)
        for rankCount in [2, 3] { #expect(try ShardedRun.evaluate(batch, rankCount: rankCount) == alone) }
        #expect(try ShardedRun.evaluate(batch, shares: [[9], [], Array(0..<9)]) == alone)
    }

    @Test(arguments: [1, 3]) func oneStudyGivesExactlyNothing(rankCount: Int) throws {
        let batch = SampleBatch.random(seed: 3, width: 8, patches: 6, wordCounts: [5], scale: 4.6)
        let run = try ShardedRun.evaluate(batch, shares: Array(repeating: [], count: rankCount - 1) + [[0]])
        #expect(run.globalLoss == 0 && run.localLoss == 0)
        #expect((run.images + run.texts + run.patches + run.words).allSatisfy { $0 == 0 })
        #expect(run.scales == [0, 0, 0, 0])
    }

    /// All pairs alike: the loss is ln B and no pair is better than another.
    @Test func identicalEmbeddingsGiveChance() throws {
        var batch = SampleBatch.random(seed: 4, width: 8, patches: 6, wordCounts: [3])
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
        let batch = SampleBatch.random(
            seed: 5, width: 12, patches: 9, wordCounts: [4, 1, 6, 3, 5, 2, 7, 1, 3],
            scale: Float(Double.naturalLogarithm(100)))
        expectEqual(try ShardedRun.evaluate(batch, rankCount: 2), NaiveContrastive(batch), gradients: 2e-3)
    }

    @Test func largeEmbeddingsSaturateWithoutOverflow() throws {
        let batch = SampleBatch.random(seed: 6, width: 12, patches: 9, wordCounts: [4, 1, 6, 3], spread: 30)
        let run = try ShardedRun.evaluate(batch, rankCount: 2)
        #expect(run.localLoss.isFinite && (run.patches + run.words).allSatisfy(\.isFinite))
        let naive = NaiveContrastive(batch)
        #expect(abs(run.localLoss - naive.localLoss) < Self.lossTolerance * largestLogit(naive))
    }

    /// The published floor of the cosine's denominator gives such a word a gradient of context / 1e-8: beyond the finer
    /// fixed-point scales, so a coarser one is taken, on every rank.
    @Test func wordsOfNormZero() throws {
        var batch = SampleBatch.random(seed: 8, width: 12, patches: 9, wordCounts: [4, 1, 6, 3])
        for i in 0..<24 { batch.words[12 + i] = 0 }
        for i in 48..<60 { batch.words[i] = 0 }
        let alone = try ShardedRun.evaluate(batch, rankCount: 1)
        expectEqual(alone, NaiveContrastive(batch))
        #expect((alone.words.map { abs($0) }.max() ?? 0) > 1e9, "the case does not reach the coarsest scale")
        #expect(try ShardedRun.evaluate(batch, rankCount: 3) == alone)
    }

    /// More reports than are added up at a time, one of which needs a coarser scale than the others of its block.
    @Test func moreThanOneBlockOfReports() throws {
        let lengths = (0..<140).map { 1 + $0 % 2 }
        var batch = SampleBatch.random(seed: 11, width: 6, patches: 3, wordCounts: lengths)
        expectEqual(try ShardedRun.evaluate(batch, rankCount: 2), NaiveContrastive(batch))
        zero(&batch, report: 133)
        let alone = try ShardedRun.evaluate(batch, rankCount: 1)
        let naive = NaiveContrastive(batch)
        expectEqual(alone, naive)
        expectOthersEqual(alone, naive, but: 133, batch)
        #expect(try ShardedRun.evaluate(batch, shares: [Array(0..<130), [], Array(130..<140)]) == alone)
    }

    private func zero(_ batch: inout SampleBatch, report: Int) {
        let words = batch.segments[report]
        for i in words.lowerBound * batch.width..<words.upperBound * batch.width { batch.words[i] = 0 }
    }

    /// Every other report keeps the fine scale: its numbers are right beside however large ones.
    private func expectOthersEqual(_ run: ShardedRun, _ naive: NaiveContrastive, but report: Int, _ batch: SampleBatch)
    {
        let gradient = naive.gradient()
        for other in (0..<batch.count) where other != report {
            let words = batch.segments[other].lowerBound * batch.width..<batch.segments[other].upperBound * batch.width
            let distance = relativeDistance(Array(run.words[words]), Array(gradient.words[words]))
            // Floats of a sum of 140 terms of either sign, one report at a time.
            #expect(distance < 10 * Self.gradientTolerance, "report \(other): \(distance)")
        }
    }

    private func largestLogit(_ naive: NaiveContrastive) -> Double {
        (naive.globalLogits + naive.localLogits).joined().map { abs($0) }.max() ?? 0
    }

    private func expectEqual(
        _ run: ShardedRun, _ naive: NaiveContrastive, gradients: Double = gradientTolerance,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let gradient = naive.gradient()
        let lossBound = Self.lossTolerance * largestLogit(naive)
        #expect(abs(run.globalLoss - naive.globalLoss) < lossBound, sourceLocation: sourceLocation)
        #expect(abs(run.localLoss - naive.localLoss) < lossBound, sourceLocation: sourceLocation)
        for (name, found, expected) in [
            ("images", run.images, gradient.images), ("texts", run.texts, gradient.texts),
            ("patches", run.patches, gradient.patches), ("words", run.words, gradient.words),
            ("scales", run.scales.map(Float.init), gradient.scales),
        ] {
            let distance = relativeDistance(found, expected)
            #expect(distance < gradients, "\(name): \(distance)", sourceLocation: sourceLocation)
        }
    }
}
