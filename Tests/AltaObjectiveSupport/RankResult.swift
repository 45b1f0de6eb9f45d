import AltaComm
import AltaCore
import AltaObjective
import AltaTensor

/// What one rank found, as arrays: of its own studies, in their order.
package struct RankResult: Sendable {
    /// Global, local.
    package let losses: [Double]
    /// The gradients of the four logarithms.
    package let scales: [Double]
    /// Gradients of the embeddings.
    package let images, texts, patches, words: [Float]
    /// Where the time went.
    package let seconds: ContrastiveSeconds

    /// Evaluates this rank's share of a batch that every rank has whole. Collective.
    ///
    /// - Parameters:
    ///   - positions: this rank's studies, ascending.
    ///   - engine: nil: one of one thread, in fp32.
    package static func evaluate(
        _ batch: EmbeddingBatch, positions: [Int], engine: Engine? = nil, _ collectives: any Collectives
    ) throws -> RankResult {
        let arena = Arena()
        let result = try ContrastiveObjective().evaluate(
            batch.share(positions, arena: arena), scales: batch.scales, engine: engine ?? Engine(threads: 1),
            arena: arena, collectives: collectives)
        let scales = result.scaleGradients
        return RankResult(
            losses: [result.globalLoss, result.localLoss],
            scales: [scales.logitScale, scales.localScale1, scales.localScale2, scales.localScale3],
            images: result.imageGlobalGradient.toArray(), texts: result.textGlobalGradient.toArray(),
            patches: result.patchesGradient.toArray(), words: result.wordsGradient.toArray(), seconds: result.seconds)
    }

    /// What every rank found: `[R]`. Collective.
    func gathered(_ collectives: any Collectives) throws -> [RankResult] {
        let (losses, scales) = (try collectives.allGather(losses), try collectives.allGather(scales))
        let parts = try [images, texts, patches, words].map { try collectives.allGather($0) as [[Float]] }
        return (0..<collectives.rankCount).map { rank in
            RankResult(
                losses: losses[rank], scales: scales[rank], images: parts[0][rank], texts: parts[1][rank],
                patches: parts[2][rank], words: parts[3][rank], seconds: seconds)
        }
    }
}
