import AltaComm
import AltaCore
import AltaObjective
import AltaTensor

/// What the ranks found together, put back into global order.
package struct ShardedRun: Equatable, Sendable {
    /// The two losses.
    package var globalLoss = 0.0
    package var localLoss = 0.0
    /// The gradients of the embeddings, shaped as those of `EmbeddingBatch`.
    package var images, texts, patches, words: [Float]
    /// The gradients of the four logarithms.
    package var scales: [Double] = []

    /// Evaluates the batch on as many threads as there are shares; a share is the ascending positions of one rank.
    package static func evaluate(
        _ batch: EmbeddingBatch, shares: [[Int]], format: NumberFormat = .full, threads: Int = 1
    ) throws -> ShardedRun {
        let ranks = try ThreadCollectives.run(rankCount: shares.count) { collectives in
            try RankResult.evaluate(
                batch, positions: shares[collectives.rank], engine: Engine(threads: threads, format: format),
                collectives)
        }
        return try assemble(ranks, shares: shares, batch)
    }

    /// One share per rank: study i goes to rank i mod R.
    package static func evaluate(
        _ batch: EmbeddingBatch, rankCount: Int, format: NumberFormat = .full
    ) throws -> ShardedRun {
        let shares = (0..<rankCount).map { Array(stride(from: $0, to: batch.count, by: rankCount)) }
        return try evaluate(batch, shares: shares, format: format)
    }

    /// Evaluates the batch on the ranks of a job; every rank has the whole result. Collective.
    package static func evaluate(
        _ batch: EmbeddingBatch, shares: [[Int]], engine: Engine, over collectives: any Collectives
    ) throws -> ShardedRun {
        let own = try RankResult.evaluate(
            batch, positions: shares[collectives.rank], engine: engine, collectives)
        return try assemble(try own.gathered(collectives), shares: shares, batch)
    }

    /// Errors: two ranks have other bits in what all of them must have alike.
    private static func assemble(
        _ ranks: [RankResult], shares: [[Int]], _ batch: EmbeddingBatch
    ) throws -> ShardedRun {
        for (rank, result) in ranks.enumerated() {
            guard bits(result.losses + result.scales) == bits(ranks[0].losses + ranks[0].scales) else {
                throw AltaError("the losses of this rank are not those of rank 0", rank: rank)
            }
        }
        var run = ShardedRun(
            images: batch.images, texts: batch.texts, patches: batch.patches, words: batch.words)
        for (result, positions) in zip(ranks, shares) { run.place(result, positions, batch) }
        (run.globalLoss, run.localLoss, run.scales) = (ranks[0].losses[0], ranks[0].losses[1], ranks[0].scales)
        return run
    }

    /// A hash of every bit.
    package var hash: String {
        var hash = StableHash()
        for number in Self.bits([globalLoss, localLoss] + scales) { hash.combine(number) }
        for numbers in [images, texts, patches, words] { numbers.withUnsafeBytes { hash.combine($0) } }
        return hash.hex
    }

    private static func bits(_ numbers: [Double]) -> [UInt64] { numbers.map(\.bitPattern) }

    private mutating func place(_ result: RankResult, _ positions: [Int], _ batch: EmbeddingBatch) {
        let own = Segments(lengths: positions.map { batch.wordCounts[$0] })
        for (index, position) in positions.enumerated() {
            Self.copy(result.images, index..<index + 1, to: &images, at: position, batch.width)
            Self.copy(result.texts, index..<index + 1, to: &texts, at: position, batch.width)
            let p = batch.patchesPerStudy
            Self.copy(result.patches, index * p..<(index + 1) * p, to: &patches, at: position * p, batch.width)
            Self.copy(result.words, own[index], to: &words, at: batch.segments[position].lowerBound, batch.width)
        }
    }

    private static func copy(
        _ source: [Float], _ rows: Range<Int>, to target: inout [Float], at row: Int, _ width: Int
    ) {
        let numbers = source[rows.lowerBound * width..<rows.upperBound * width]
        target.replaceSubrange(row * width..<(row + rows.count) * width, with: numbers)
    }
}
