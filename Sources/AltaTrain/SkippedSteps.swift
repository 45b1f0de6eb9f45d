import AltaCore
import AltaData
import AltaObjective

/// What becomes of steps with a number that is not finite: `on_not_finite`. The same on every rank.
struct SkippedSteps {
    /// So many skipped steps in a row end a run. A study with extreme values spoils one step an epoch, and where a few do,
    /// two may follow each other; of ten in a row the weights are the cause, and going on would waste the machines.
    static let longestRow = 10

    let choice: OnNotFinite
    private var inARow = 0
    /// Whether a checkpoint was due while steps were skipped, and none was written since.
    private var isCheckpointOwed = false

    /// Before the first step.
    init(_ choice: OnNotFinite) { self.choice = choice }

    /// A step was taken.
    mutating func taken() { inARow = 0 }

    /// Whether a checkpoint is written after a step. Not while steps are skipped: each would have the weights of the one
    /// before, and push an older one out; and a run that goes on from the last one takes the skipped steps again, so it
    /// counts them as the whole run does. What was due then is written after the next step that is taken; after the run's
    /// last step always.
    mutating func writesCheckpoint(isDue: Bool, isLast: Bool) -> Bool {
        isCheckpointOwed = isCheckpointOwed || isDue
        guard isLast || (isCheckpointOwed && inARow == 0) else { return false }
        isCheckpointOwed = false
        return true
    }

    /// Decides about a step that failed.
    ///
    /// - Parameters:
    ///   - failure: why, with the study's row where there is one.
    ///   - step: from 1.
    /// - Returns: the failure as it is told of where the step is skipped.
    /// - Throws: `AgreedFailure`, where the run ends here.
    mutating func skip(_ failure: AgreedFailure, step: Int) throws -> AgreedFailure {
        guard choice == .skip, let number = failure.notFinite else { throw failure }
        inARow += 1
        guard inARow >= Self.longestRow else { return SkippedSteps.told(failure.error, number) }
        var error = failure.error
        error.what =
            "\(inARow) steps in a row, \(step - inARow + 1) to \(step), have no finite gradient; of the last one "
            + error.what
        error.remedy =
            "start another run with a lower learning_rate or a longer warm-up; on_not_finite stop names the first of them"
        throw AgreedFailure(error: error, reportingRank: failure.reportingRank)
    }

    /// With what is left to do for somebody whose run skips already.
    private static func told(_ error: AltaError, _ number: NotFiniteNumber) -> AgreedFailure {
        var error = error
        let look = number.position == nil ? "" : "look at the study's row of the data; "
        error.remedy = "\(look)where many steps are skipped, lower learning_rate"
        return AgreedFailure(number, error: error)
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
