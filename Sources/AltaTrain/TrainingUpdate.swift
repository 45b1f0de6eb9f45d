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
    /// - Parameters:
    ///   - studies: this rank's share, in the order of `plan.shares[rank]`.
    ///   - rate: the learning rate of the update.
    func callAsFunction(_ studies: [PreparedStudy], plan: StepPlan, rate: Double) throws -> StepReport {
        let clock = context.clock
        let counts = try clock.measure(.communication) { try globalCounts(studies, plan: plan) }
        let result = try step.gradients(studies, plan: plan, counts: counts)
        clock.measure(.update) {
            optimizer.update(step.model.weights, gradients: step.ledger, rate: rate, engine: context.engine)
        }
        return StepReport(
            step: plan.step + 1, epoch: plan.fractionalEpoch, losses: result.losses, learningRate: rate,
            logitScales: step.model.weights.logitScales.map { Double.exponential(Double($0)) },
            gradientNorm: result.norm, gflop: Double(result.operations) * 1e-9,
            studiesPerSecond: Double(plan.studies.count) / max(clock.elapsedSeconds, 1e-9), seconds: clock.seconds,
            secondsWaited: clock.secondsWaited)
    }

    private func globalCounts(_ studies: [PreparedStudy], plan: StepPlan) throws -> LossCounts {
        let own = studies.reduce(0) { $0 + $1.report.labels.count }
        let masked = try context.collectives.allReduce(Int64(own), .sum)
        return LossCounts(
            studies: plan.studies.count, maskedTokens: Int(masked), model: step.model.weights.config)
    }
}
