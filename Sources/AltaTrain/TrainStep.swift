import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaModel
import AltaObjective
import AltaPlacement
import AltaTensor

/// One training step over the global batch. Every method is collective.
///
/// The contrastive losses see all studies of all ranks whatever the micro-batch: where a rank's share does not fit, its
/// embeddings are made first without activations, and every micro-batch is run again, with them, for its gradient. A model
/// without a joint space has no such losses, and every micro-batch is run once.
public struct TrainStep {
    let model: any StageModel
    let engine: Engine
    let reducer: GradientReducer
    let collectives: any Collectives
    let activations: Arena
    let embeddings: Arena
    let clock: PhaseClock
    /// Studies in flight on this rank.
    let microBatch: Int
    /// nil: every absent view is encoded in its study.
    let sharedViews: SharedViews?

    /// Where the gradient is added up, and is found afterwards.
    var ledger: GradientLedger { reducer.ledger }

    /// A step over the weights of a model.
    ///
    /// - Parameters:
    ///   - dropout: BERT's.
    ///   - reducer: for the parameters of these weights.
    ///   - microBatch: studies in flight on this rank.
    ///   - sharedViews: what encodes absent views once for all studies; nil: each is encoded in its study.
    static func make(
        weights: ModelWeights, dropout: TextDropoutRates, reducer: GradientReducer, microBatch: Int,
        sharedViews: SharedViews? = nil, context: RankContext
    ) -> TrainStep {
        TrainStep(
            model: weights.model(dropout: dropout), engine: context.engine, reducer: reducer,
            collectives: context.collectives, activations: Arena(), embeddings: Arena(), clock: context.clock,
            microBatch: microBatch, sharedViews: sharedViews)
    }

    /// Leaves the gradient of the stage's losses over the global batch in the ledger, on every rank.
    ///
    /// - Parameters:
    ///   - studies: this rank's share, in the order of `plan.shares[rank]`.
    ///   - counts: what the two summed losses are divided by, over the global batch.
    /// - Returns: the losses, the same on every rank.
    /// - Throws: `AgreedFailure` with its `notFinite` on every rank where any rank met a number that is not finite; then
    ///   the gradient is of no use, and the next step may be taken all the same.
    func gradients(_ studies: [PreparedStudy], plan: StepPlan, counts: LossCounts) throws -> StepGradients {
        let operationsBefore = engine.operationCount
        try clock.measure(.communication) { try reducer.begin() }
        let absent = try sharedViews?.encode(studies, step: plan.step, weights: ledger)
        let passes = ranges(studies.count)
        let contrast =
            model.hasJointSpace ? try contrast(studies, passes, absent: absent, plan: plan, counts: counts) : nil
        if let contrast { addScaleGradients(contrast.result.scaleGradients) }

        var summary = StepSummary()
        for range in passes {
            let pass =
                contrast?.onlyPass ?? forward(studies[range], absent: absent, counts: counts, recording: true)
            summary.add(pass.output)
            let seeds = contrast?.seeds(pass.output, studies: range) ?? []
            try backward(pass.tape, seeds: seeds, isLast: absent == nil && range == passes.last)
        }
        if let absent { try backward(absent.tape, seeds: absent.seeds(), isLast: true) }

        let norm = try clock.measure(.communication) { try reducer.finish() }
        clock.noteWait(reducer.secondsWaited)
        summary.firstBadSlot = firstBadSlot
        summary.operations = engine.operationCount - operationsBefore
        summary.stopSignal = StopSignal.pending?.number
        let total = try clock.measure(.communication) { try summary.total(collectives, clock: clock) }
        let losses = total.losses(contrast?.result, counts: counts)
        guard total.firstBad == nil, losses.total.isFinite, norm.isFinite else {
            let origin = NotFiniteOrigin(step: self, studies: studies, plan: plan, counts: counts)
            throw AgreedFailure(try origin.find(contrast, absent: absent, total: total, losses: losses))
        }
        return StepGradients(
            losses: losses, norm: norm, total: total, embeddings: contrast?.local)
    }

    /// One backward sweep. What the last one completes is added up over the ranks at once.
    private func backward(_ tape: Tape, seeds: [(Variable, Matrix)], isLast: Bool) throws {
        try clock.measure(.backward) {
            guard isLast else { return tape.backward(seeds: seeds) }
            try tape.backward(seeds: seeds) { try reducer.advance($0) }
        }
        if isLast { clock.move(reducer.secondsInSweep, from: .backward, to: .communication) }
    }

    /// Embeds the share, its micro-batches one after the other, and compares it with the whole global batch.
    private func contrast(
        _ studies: [PreparedStudy], _ passes: [Range<Int>], absent: SharedPass?, plan: StepPlan, counts: LossCounts
    ) throws -> ContrastivePass {
        embeddings.release(to: .start)
        let share = ShareEmbeddings.make(studies, config: model.weights.config, arena: embeddings)
        var onlyPass: ForwardPass?
        for range in passes {
            let pass = forward(studies[range], absent: absent, counts: counts, recording: passes.count == 1)
            share.store(pass.output, studies: range)
            onlyPass = passes.count == 1 ? pass : nil
        }
        let local = share.local(positions: plan.shares[collectives.rank], globalBatch: plan.studies.count)
        return ContrastivePass(share: share, local: local, result: try evaluate(local), onlyPass: onlyPass)
    }

    /// The forward pass of one micro-batch; recorded for a backward sweep, or for its embeddings alone.
    func forward(
        _ studies: ArraySlice<PreparedStudy>, absent: SharedPass?, counts: LossCounts, recording: Bool
    ) -> ForwardPass {
        activations.release(to: .start)
        let tape = Tape(engine: engine, arena: activations, ledger: recording ? ledger : nil)
        let output = clock.measure(.forward) {
            model.forward(Array(studies), counts: recording ? counts : nil, absent: absent?.rows, on: tape)
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
            clock.noteWait(result.seconds.waited)
            return result
        } catch let number as NotFiniteNumber {
            throw AgreedFailure(number)
        } catch let undefined as UndefinedLosses {
            // Where it names the study's own rank, that one tells it.
            throw AgreedFailure(error: undefined.error, reportingRank: undefined.error.rank ?? 0)
        }
    }

    /// The objective has summed these over ranks already, so one rank has them to add.
    private func addScaleGradients(_ gradients: ContrastiveScaleGradients) {
        guard collectives.rank == 0 else { return }
        let values = [
            gradients.logitScale, gradients.localScale1, gradients.localScale2, gradients.localScale3,
        ]
        for (name, value) in zip(WeightCatalog.logitScaleNames, values) {
            if let scale = model.weights[name].trainable { ledger.add(Float(value), to: scale) }
        }
    }

    /// The first parameter that refused a partial, or `absentSlot`.
    private var firstBadSlot: Int? {
        if !ledger.isFinite { return ledger.firstBadSlot ?? 0 }
        return sharedViews.flatMap { $0.isFinite ? nil : absentSlot }
    }

    /// Where gradients of shared absent views are told of, which are no parameter's: after the parameters.
    var absentSlot: Int { ledger.slotCount }
}

/// What a forward pass leaves behind.
struct ForwardPass {
    let tape: Tape
    let output: ModelOutput
}

/// The share in the joint space, and its contrastive losses.
struct ContrastivePass {
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
    /// The Euclidean norm of the whole gradient, the same on every rank.
    let norm: Double
    /// What all ranks told.
    let total: StepTotal
    /// This rank's share in the joint space; nil where the stage has none.
    let embeddings: LocalEmbeddings?
}
