import AltaComm
import AltaCore
import AltaTensor

/// Both contrastive losses of ALTA (arXiv:2506.08990) over the global batch, with the whole gradient, sharded by rank.
///
/// Losses, gradients and failures are those of one process that holds the whole batch, to the bit, whatever the number
/// of ranks and whichever rank holds which study. A rank's work and memory are its studies' rows of the two B x B
/// matrices of similarities; nothing of B x B x words x patches exists.
public struct ContrastiveObjective: Sendable {
    /// Reports of a tile, and of a block whose word gradients are given back together; studies that are made ready at a
    /// time. For estimates of memory.
    package static let sizes = (
        tile: LocalContrastive.reportsPerTile, block: WordSumBlock.reportsPerBlock,
        studies: LocalContrastive.studiesTogether
    )

    /// Stateless.
    public init() {}

    /// The losses and gradients of the batch whose shares the ranks pass. Collective, also for a rank without studies.
    ///
    /// - Parameters:
    ///   - own: this rank's share.
    ///   - scales: the temperatures, the same on every rank.
    ///   - engine: this rank's arithmetic.
    ///   - arena: holds the result's gradients; everything else is taken and given back.
    ///   - collectives: the ranks.
    /// - Throws: on every rank the same and after the same collectives: `NotFiniteNumber` when an embedding, a loss or a
    ///   gradient is not finite, with the rank, the study's position in the batch and the loss; `UndefinedLosses`
    ///   when the losses are not defined for the shares. On this rank alone, maybe: `AltaError` where MPI fails.
    public func evaluate(
        _ own: LocalEmbeddings, scales: ContrastiveScales, engine: Engine, arena: Arena, collectives: any Collectives
    ) throws -> ContrastiveResult {
        try check(scales)
        let images = arena.matrix(own.count, own.width)
        let texts = arena.matrix(own.count, own.width)
        let patches = arena.matrix(own.patches.rows, own.width)
        let words = arena.matrix(own.words.rows, own.width)
        let context = ContrastiveContext(engine: engine, arena: arena, collectives: collectives)
        return try arena.scoped {
            let batch = try context.clock.time(\.communication) { try GatheredBatch.gather(own, context) }
            let global = try GlobalContrastive.evaluate(
                own, batch, scale: Double.exponential(Double(scales.logitScale)), context)
            let globalScale = context.clock.time(\.global) {
                global.gradients(own, batch, images: images, texts: texts)
            }
            let local = LocalContrastive.make(own, batch, scales: scales, context: context)
            let statistics = try local.evaluate()
            let localScales = try local.gradients(statistics, patches: patches, words: words)
            try batch.checkGradients(own, images: images, texts: texts, patches: patches, context)
            let scaleGradients = try context.clock.time(\.communication) {
                try total(global: globalScale, local: localScales, batch, collectives)
            }
            return ContrastiveResult(
                globalLoss: global.loss, localLoss: statistics.loss, imageGlobalGradient: images,
                textGlobalGradient: texts, patchesGradient: patches, wordsGradient: words,
                scaleGradients: scaleGradients, seconds: context.clock.seconds)
        }
    }

    /// Every study's parts of the four gradients, added in global order. Collective.
    private func total(
        global: [Double], local: [Double], _ batch: GatheredBatch, _ collectives: any Collectives
    ) throws -> ContrastiveScaleGradients {
        let parts = global.indices.flatMap { [global[$0]] + local[$0 * 3..<$0 * 3 + 3] }
        let all = try batch.gatherPerStudy(parts, numbersPerStudy: 4, collectives)
        let sums = (0..<4).map { field in
            stride(from: field, to: all.count, by: 4).reduce(0.0) { $0 + all[$1] }
        }
        return ContrastiveScaleGradients(
            logitScale: sums[0], localScale1: sums[1], localScale2: sums[2], localScale3: sums[3])
    }

    private func check(_ scales: ContrastiveScales) throws {
        let named = [
            ("logit_scale", scales.logitScale), ("logit_scale_local1", scales.localScale1),
            ("logit_scale_local2", scales.localScale2), ("logit_scale_local3", scales.localScale3),
        ]
        for (name, value) in named where !Float(Double.exponential(Double(value))).isFinite {
            throw UndefinedLosses(
                AltaError(
                    "\(name) is \(value), so its exponential is not finite",
                    remedy: "start from a checkpoint in which it is between 0 and 4.6"))
        }
    }
}
