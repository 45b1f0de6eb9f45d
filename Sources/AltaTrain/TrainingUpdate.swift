import AltaComm
import AltaCore
import AltaData
import AltaModel
import AltaTensor

/// What a run does with each global batch, and a benchmark times: the gradient, then the update.
struct TrainingUpdate {
    let step: TrainStep
    let optimizer: Optimizer
    let context: RankContext

    /// Collective. One step: this rank's studies, the gradient over the global batch, the update.
    ///
    /// - Throws: on every rank, before anything is computed, where the ranks' studies are not those of the plan; and what
    ///   `TrainStep.gradients` throws.
    /// - Parameters:
    ///   - studies: this rank's share, in the order of `plan.shares[rank]`.
    ///   - rate: the learning rate of the update.
    func callAsFunction(_ studies: [PreparedStudy], plan: StepPlan, rate: Double) throws -> StepReport {
        let clock = context.clock
        let batch = try globalBatch(studies, plan: plan)
        let result = try step.gradients(studies, plan: plan, counts: batch.counts)
        clock.measure(.update) {
            optimizer.update(step.model.weights, gradients: step.ledger, rate: rate, engine: context.engine)
        }
        return StepReport(
            step: plan.step + 1, epoch: plan.fractionalEpoch, studies: plan.studies, hashes: batch.hashes,
            losses: result.losses, learningRate: rate,
            logitScales: step.model.weights.logitScales.map { Double.exponential(Double($0)) },
            gradientNorm: result.norm, gflop: Double(result.total.operations) * 1e-9,
            studiesPerSecond: Double(plan.studies.count) / max(clock.elapsedSeconds, 1e-9), seconds: clock.seconds,
            secondsWaited: clock.secondsWaited, spreads: result.total.spreads, stopSignal: result.total.stopSignal)
    }

    /// Collective. What all ranks' studies come to, in one small message.
    private func globalBatch(
        _ studies: [PreparedStudy], plan: StepPlan
    ) throws -> (counts: LossCounts, hashes: StepHashes) {
        let positions = plan.shares[context.collectives.rank]
        let own = context.clock.measure(.data) { StepHashes(studies, at: positions) }
        let masked = studies.reduce(0) { $0 + $1.report.labels.count }
        let sums = try context.clock.measure(.communication) {
            try context.collectives.allReduce([Int64(masked)] + own.halves, .sum)
        }
        let hashes = StepHashes(halves: sums.dropFirst())
        guard hashes.studies == StepHashes.studies(of: plan) else { throw otherStudies(plan) }
        let counts = LossCounts(
            studies: plan.studies.count, maskedTokens: Int(sums[0]), model: step.model.weights.config)
        return (counts, hashes)
    }

    /// What all ranks see alike.
    private func otherStudies(_ plan: StepPlan) -> AgreedFailure {
        AgreedFailure(
            error: AltaError(
                "the studies of step \(plan.step + 1) are not all there once",
                why: "ranks share them out in different ways",
                remedy: "start the same build of alta-worker on every host"), reportingRank: 0)
    }
}
