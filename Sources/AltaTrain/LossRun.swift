import AltaAutograd
import AltaCore
import AltaData
import AltaModel
import AltaTensor

/// The losses of pretraining over a held-out table, with the draws of epoch 0 and no dropout: what is hidden is the same
/// after every epoch.
struct LossRun: Validation {
    let model: any StageModel
    let preparer: StudyPreparer
    let context: RankContext
    let arena: Arena
    /// Studies at once; it changes nothing but memory.
    let batch: Int

    func report() throws -> ValidationReport {
        context.clock.current = "evaluation"
        var (image, text): ([Double], [Double]) = ([], [])
        var masked = 0
        try context.forOwnStudies(of: preparer.source.count, batch: batch) { studies in
            let prepared = try studies.map { try preparer.prepare($0, epoch: 0) }
            arena.release(to: .start)
            // The errors are sums; counts scale nothing but gradients, and there are none.
            let output = model.forward(
                prepared, counts: LossCounts(hiddenPatches: 1, maskedTokens: 1),
                on: Tape(engine: context.engine, arena: arena, ledger: nil))
            image += output.imageErrors
            text += output.textErrors
            masked += prepared.reduce(0) { $0 + $1.report.labels.count }
        }
        return try report(image: image, text: text, masked: masked)
    }

    private func report(image: [Double], text: [Double], masked: Int) throws -> ValidationReport {
        let studies = preparer.source.count
        let counts = LossCounts(
            studies: studies, maskedTokens: Int(try context.collectives.allReduce(Int64(masked), .sum)),
            model: model.weights.config)
        let losses = try Losses.means(image: image, text: text, counts: counts, collectives: context.collectives)
        guard losses.total.isFinite else {
            throw context.together(AltaError("a loss over the validation studies is not finite"))
        }
        let score = ValidationScore(metric: "loss", value: losses.total, isLargerBetter: false)
        return ValidationReport(
            members: [("studies", .integer(studies)), (score.metric, .number(score.value))]
                + losses.named.map { ($0.name, .number($0.value)) }, score: score)
    }
}
