import AltaCore
import AltaData

/// What becomes of steps with a number that is not finite: `on_not_finite`. The same on every rank.
struct SkippedSteps {
    /// So many skipped steps in a row end a run. A study with extreme values spoils one step an epoch, and where a few do,
    /// two may follow each other; of ten in a row the weights are the cause, and going on would waste the machines.
    static let longestRow = 10

    let choice: OnNotFinite
    private var inARow = 0

    /// Before the first step.
    init(_ choice: OnNotFinite) { self.choice = choice }

    /// A step was taken.
    mutating func taken() { inARow = 0 }

    /// Decides about a step that failed: returns where it is skipped.
    ///
    /// - Parameters:
    ///   - failure: why, with the study's row where there is one.
    ///   - step: from 1.
    /// - Throws: `AgreedFailure`, where the run ends here.
    mutating func skip(_ failure: AgreedFailure, step: Int) throws {
        guard choice == .skip, failure.notFinite != nil else { throw failure }
        inARow += 1
        guard inARow >= Self.longestRow else { return }
        var error = failure.error
        error.what =
            "\(inARow) steps in a row, \(step - inARow + 1) to \(step), have no finite gradient; of the last one "
            + error.what
        error.remedy =
            "start another run with a lower learning_rate or a longer warm-up; on_not_finite stop names the first of them"
        throw AgreedFailure(error: error, reportingRank: failure.reportingRank)
    }
}

extension AgreedFailure {
    /// The same failure with the row of the study that it names, as the table has it.
    func located(_ plan: StepPlan, in source: StudySource) -> AgreedFailure {
        guard let number = notFinite, let position = number.position else { return self }
        return AgreedFailure(
            number, error: error.at(file: source.path, row: source.rowNumber(plan.studies[position])))
    }
}
