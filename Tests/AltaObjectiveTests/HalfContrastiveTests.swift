import AltaComm
import AltaCore
import AltaObjective
import AltaObjectiveSupport
import AltaTensor
import Testing

/// The losses on an engine whose products are in bf16, and on one of several threads.
@Suite(.enabled(if: ContrastiveSafetyTests.formats.contains(.half), "needs bf16 products")) struct HalfContrastiveTests
{
    static let batch = SampleBatch.random(
        seed: 21, width: 128, patches: 196, wordCounts: [61, 84, 1, 23, 60, 40], spread: 0.25)

    /// Five products of factors rounded to bf16 (2^-9 each, of either sign) were 0.25 % off at the initial scales and 0.9 %
    /// at the clamp with embeddings three times as long.
    static let gradientTolerance = 0.02

    /// The similarities, and with them losses and seeds, are those of fp32.
    @Test(arguments: [SyntheticEmbeddings.initialScale, 4.605_17], [Float(1), 3])
    func gradientsAreCloseAndLossesTheSame(scale: Float, spread: Float) throws {
        var batch = Self.batch
        batch.scales = ContrastiveScales(
            logitScale: scale, localScale1: scale, localScale2: scale, localScale3: scale)
        batch.patches = batch.patches.map { $0 * spread }
        batch.words = batch.words.map { $0 * spread }
        let expected = NaiveContrastive(batch).gradient()
        let full = try ShardedRun.evaluate(batch, shares: [Array(0..<6)])
        let half = try ShardedRun.evaluate(batch, shares: [Array(0..<6)], format: .half)
        #expect(half.localLoss == full.localLoss && half.globalLoss == full.globalLoss)
        #expect(half.images == full.images && half.texts == full.texts)
        #expect(half.words != full.words, "nothing was rounded")
        for (found, expected) in [(half.patches, expected.patches), (half.words, expected.words)] {
            let distance = relativeDistance(found, expected)
            #expect(distance < Self.gradientTolerance, "\(distance)")
        }
    }

    @Test(arguments: [NumberFormat.full, .half]) func sameBitsAtAnyNumberOfRanksAndThreads(format: NumberFormat) throws
    {
        let alone = try ShardedRun.evaluate(Self.batch, shares: [Array(0..<6)], format: format)
        for shares in [[[0, 3, 5], [1, 2, 4]], [[2], [], Array(3..<6), [0, 1]]] {
            #expect(try ShardedRun.evaluate(Self.batch, shares: shares, format: format) == alone, "\(shares)")
        }
        for threads in [2, 3] {
            let run = try ShardedRun.evaluate(Self.batch, shares: [Array(0..<6)], format: format, threads: threads)
            #expect(run == alone, "\(threads) threads")
        }
    }

    /// More studies than are made ready at a time, and tiles of fewer words than a vector is long.
    @Test(arguments: [NumberFormat.full, .half]) func manyStudies(format: NumberFormat) throws {
        let lengths = (0..<70).map { 1 + $0 % 3 }
        let batch = SampleBatch.random(seed: 4, width: 16, patches: 5, wordCounts: lengths)
        let alone = try ShardedRun.evaluate(batch, shares: [Array(0..<70)], format: format)
        let gradient = NaiveContrastive(batch).gradient()
        let tolerance = format == .full ? ContrastiveObjectiveTests.gradientTolerance : Self.gradientTolerance
        #expect(relativeDistance(alone.patches, gradient.patches) < tolerance)
        #expect(relativeDistance(alone.words, gradient.words) < tolerance)
        let shares = [Array(0..<40), Array(40..<41), Array(41..<70)]
        #expect(try ShardedRun.evaluate(batch, shares: shares, format: format) == alone)
    }
}
