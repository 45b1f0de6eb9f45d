import AltaComm
import AltaCore
import AltaObjective
import AltaTensor

/// What the ranks found together, put back into global order.
struct ShardedRun: Equatable, Sendable {
    var globalLoss = 0.0
    var localLoss = 0.0
    var images: [Float]
    var texts: [Float]
    var patches: [Float]
    var words: [Float]
    /// Of the four logarithms.
    var scales: [Double] = []

    /// Evaluates the batch on as many ranks as there are shares; a share is the ascending positions of one rank.
    static func evaluate(
        _ batch: SampleBatch, shares: [[Int]], format: NumberFormat = .full, threads: Int = 1
    ) throws -> ShardedRun {
        let ranks = try ThreadCollectives.run(rankCount: shares.count) { collectives in
            try RankResult.evaluate(
                batch, positions: shares[collectives.rank], collectives, format: format, threads: threads)
        }
        var run = ShardedRun(
            images: batch.images, texts: batch.texts, patches: batch.patches, words: batch.words)
        for (result, positions) in zip(ranks, shares) { run.place(result, positions, batch) }
        (run.globalLoss, run.localLoss, run.scales) = (ranks[0].losses[0], ranks[0].losses[1], ranks[0].scales)
        for result in ranks {
            precondition(result.losses == ranks[0].losses && result.scales == ranks[0].scales, "ranks disagree")
        }
        return run
    }

    /// One share per rank: study i goes to rank i mod R.
    static func evaluate(_ batch: SampleBatch, rankCount: Int) throws -> ShardedRun {
        try evaluate(
            batch, shares: (0..<rankCount).map { Array(stride(from: $0, to: batch.count, by: rankCount)) })
    }

    private mutating func place(_ result: RankResult, _ positions: [Int], _ batch: SampleBatch) {
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

/// What one rank found, as arrays.
struct RankResult: Sendable {
    let losses: [Double]
    let scales: [Double]
    let images, texts, patches, words: [Float]
    let seconds: ContrastiveSeconds

    static func evaluate(
        _ batch: SampleBatch, positions: [Int], _ collectives: any Collectives, format: NumberFormat = .full,
        threads: Int = 1
    ) throws -> RankResult {
        let arena = Arena()
        let result = try ContrastiveObjective().evaluate(
            batch.share(positions, arena: arena), scales: batch.scales,
            engine: Engine(threads: threads, format: format), arena: arena,
            collectives: collectives)
        let scales = result.scaleGradients
        return RankResult(
            losses: [result.globalLoss, result.localLoss],
            scales: [scales.logitScale, scales.localScale1, scales.localScale2, scales.localScale3],
            images: result.imageGlobalGradient.toArray(), texts: result.textGlobalGradient.toArray(),
            patches: result.patchesGradient.toArray(), words: result.wordsGradient.toArray(), seconds: result.seconds)
    }
}
