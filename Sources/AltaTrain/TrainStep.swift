import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaModel
import AltaObjective
import AltaTensor

/// One training step over the global batch. Every method is collective.
///
/// The contrastive losses see all studies of all ranks whatever the micro-batch: where a rank's share does not fit, its
/// embeddings are made first without activations, and every micro-batch is run again, with them, for its gradient. A model
/// without a joint space has no such losses, and every micro-batch is run once.
public struct TrainStep {
    let model: any StageModel
    let engine: Engine
    let ledger: GradientLedger
    let collectives: any Collectives
    let activations: Arena
    let embeddings: Arena
    let clock: PhaseClock
    /// Studies in flight on this rank.
    let microBatch: Int

    /// A step over the weights of a model.
    ///
    /// - Parameters:
    ///   - dropout: BERT's.
    ///   - globalBatch: studies in a step, over all ranks.
    ///   - microBatch: studies in flight on this rank.
    static func make(
        weights: ModelWeights, dropout: TextDropoutRates, sum: GradientSum, globalBatch: Int, microBatch: Int,
        context: RankContext
    ) -> TrainStep {
        let ledger = GradientLedger.make(
            sum: sum, shapes: weights.trainableSpecs.map { ($0.rows, $0.columns) }, globalBatch: globalBatch,
            engine: context.engine)
        return TrainStep(
            model: weights.model(dropout: dropout), engine: context.engine, ledger: ledger,
            collectives: context.collectives, activations: Arena(), embeddings: Arena(), clock: context.clock,
            microBatch: microBatch)
    }

    /// Leaves the gradient of the stage's losses over the global batch in the ledger, on every rank.
    ///
    /// - Parameters:
    ///   - studies: this rank's share, in the order of `plan.shares[rank]`.
    ///   - counts: what the two summed losses are divided by, over the global batch.
    /// - Returns: the losses, the same on every rank.
    /// - Throws: `AltaError` on every rank where any rank met a number that is not finite.
    func gradients(_ studies: [PreparedStudy], plan: StepPlan, counts: LossCounts) throws -> StepGradients {
        ledger.reset()
        let passes = ranges(studies.count)
        let contrast = model.hasJointSpace ? try contrast(studies, passes, plan: plan, counts: counts) : nil

        var sums = StudySums()
        for range in passes {
            let pass = contrast?.onlyPass ?? forward(studies[range], counts: counts, recording: true)
            sums.add(pass.output)
            clock.measure(.backward) {
                pass.tape.backward(seeds: contrast?.seeds(pass.output, studies: range) ?? [])
            }
        }

        let losses = try clock.measure(.communication) {
            try reduceLedger()
            return try sums.losses(contrast?.result, counts: counts, collectives: collectives)
        }
        if let contrast { setScaleGradients(contrast.result.scaleGradients) }
        try checkFinite(losses)
        return StepGradients(losses: losses, embeddings: contrast?.local)
    }

    /// Embeds the share, its micro-batches one after the other, and compares it with the whole global batch.
    private func contrast(
        _ studies: [PreparedStudy], _ passes: [Range<Int>], plan: StepPlan, counts: LossCounts
    ) throws -> ContrastivePass {
        embeddings.release(to: .start)
        let share = ShareEmbeddings.make(studies, config: model.weights.config, arena: embeddings)
        var onlyPass: ForwardPass?
        for range in passes {
            let pass = forward(studies[range], counts: counts, recording: passes.count == 1)
            share.store(pass.output, studies: range)
            onlyPass = passes.count == 1 ? pass : nil
        }
        let local = share.local(positions: plan.shares[collectives.rank], globalBatch: plan.studies.count)
        return ContrastivePass(share: share, local: local, result: try evaluate(local), onlyPass: onlyPass)
    }

    /// The forward pass of one micro-batch; recorded for a backward sweep, or for its embeddings alone.
    private func forward(_ studies: ArraySlice<PreparedStudy>, counts: LossCounts, recording: Bool) -> ForwardPass {
        activations.release(to: .start)
        let tape = Tape(engine: engine, arena: activations, ledger: recording ? ledger : nil)
        let output = clock.measure(.forward) {
            model.forward(Array(studies), counts: recording ? counts : nil, on: tape)
        }
        return ForwardPass(tape: tape, output: output)
    }

    private func ranges(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: microBatch).map { $0..<min($0 + microBatch, count) }
    }

    private func evaluate(_ local: LocalEmbeddings) throws -> ContrastiveResult {
        let scales = model.weights.logitScales
        do {
            let result = try clock.measure(.loss) {
                try ContrastiveObjective().evaluate(
                    local,
                    scales: ContrastiveScales(
                        logitScale: scales[0], localScale1: scales[1], localScale2: scales[2], localScale3: scales[3]),
                    engine: engine, arena: embeddings, collectives: collectives)
            }
            clock.move(result.seconds.communication, from: .loss, to: .communication)
            return result
        } catch let error as AltaError {
            // The objective throws the same on every rank and names the study's own, which alone tells it.
            guard let rank = error.rank, rank != collectives.rank else { throw error }
            throw AgreedFailure(error: error, reportingRank: rank)
        }
    }

    /// Adds the ledgers of all ranks up.
    private func reduceLedger() throws {
        if let fixed = ledger.fixedPoint {
            try collectives.allReduce(fixed, .sum)
            ledger.settle()
        } else {
            try collectives.allReduce(ledger.floats, .sum)
        }
    }

    /// The objective has summed these over ranks already.
    private func setScaleGradients(_ gradients: ContrastiveScaleGradients) {
        let values = [
            gradients.logitScale, gradients.localScale1, gradients.localScale2, gradients.localScale3,
        ]
        for (name, value) in zip(WeightCatalog.logitScaleNames, values) {
            if let scale = model.weights[name].trainable { ledger.gradient(scale.slot)[0, 0] = Float(value) }
        }
    }

    /// A number that is not finite on one rank is found on all of them before the update.
    private func checkFinite(_ losses: Losses) throws {
        let bad = ledger.isFinite ? -1 : (ledger.firstBadSlot ?? 0)
        let slots = try clock.measure(.communication) { try collectives.allGather(Int64(bad)) }
        if let rank = slots.firstIndex(where: { $0 >= 0 }) {
            let name = model.weights.trainableSpecs[Int(slots[rank])].name
            throw AgreedFailure(
                error: AltaError(
                    "the gradient of \(name) is not finite or too large", why: "a study on this rank overflowed",
                    remedy: "lower learning_rate, or look at the step's studies", rank: rank), reportingRank: rank)
        }
        for (name, value) in losses.named where !value.isFinite { throw notFinite("the loss \(name)") }
        guard engine.sumOfSquares(ledger.pointer, count: ledger.count).isFinite else { throw notFinite("the gradient") }
    }
}

extension TrainStep {
    /// What all ranks see alike.
    private func notFinite(_ what: String) -> AgreedFailure {
        AgreedFailure(
            error: AltaError("\(what) is not finite", remedy: "lower learning_rate, or look at the step's studies"),
            reportingRank: 0)
    }
}

/// What a forward pass leaves behind.
private struct ForwardPass {
    let tape: Tape
    let output: ModelOutput
}

/// The share in the joint space, and its contrastive losses.
private struct ContrastivePass {
    let share: ShareEmbeddings
    let local: LocalEmbeddings
    let result: ContrastiveResult
    /// The recorded pass, where the share is one micro-batch.
    let onlyPass: ForwardPass?

    func seeds(_ output: ModelOutput, studies: Range<Int>) -> [(Variable, Matrix)] {
        share.seeds(result, output: output, studies: studies)
    }
}

/// What `gradients` made besides the gradients.
struct StepGradients {
    let losses: Losses
    /// This rank's share in the joint space; nil where the stage has none.
    let embeddings: LocalEmbeddings?
}

/// The two losses that are sums over studies.
private struct StudySums {
    private var image: [Double] = []
    private var text: [Double] = []

    mutating func add(_ output: ModelOutput) {
        image += output.imageErrors
        text += output.textErrors
    }

    /// Collective. Losses over the global batch; a sum that is not finite gives a loss that is not.
    func losses(
        _ contrastive: ContrastiveResult?, counts: LossCounts, collectives: any Collectives
    ) throws -> Losses {
        var losses = try Losses.means(image: image, text: text, counts: counts, collectives: collectives)
        losses.globalContrastive = contrastive?.globalLoss
        losses.localContrastive = contrastive?.localLoss
        return losses
    }
}
