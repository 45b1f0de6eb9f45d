import AltaCore
import AltaData

/// Hears how a run goes; on rank 0 it tells the log and the person who watches.
protocol TrainingListener {
    func completed(_ report: StepReport) throws
    /// A step made no update, for a number was not finite.
    func skipped(_ failure: AgreedFailure, plan: StepPlan) throws
    func validated(_ members: [(String, JSONValue)], step: Int) throws
    func couldNotValidate(_ error: AltaError, step: Int) throws
    func saved(_ path: String, step: Int) throws
    func couldNotSave(_ error: AltaError, step: Int) throws
    /// A signal asked the run to stop; it did, with a checkpoint.
    func stopped(step: Int, signal: Int32) throws
    func ended(step: Int, totalMemoryBytes: Int) throws
}

/// The listener of every rank but the first.
struct SilentListener: TrainingListener {
    func completed(_ report: StepReport) {}
    func skipped(_ failure: AgreedFailure, plan: StepPlan) {}
    func validated(_ members: [(String, JSONValue)], step: Int) {}
    func couldNotValidate(_ error: AltaError, step: Int) {}
    func saved(_ path: String, step: Int) {}
    func couldNotSave(_ error: AltaError, step: Int) {}
    func stopped(step: Int, signal: Int32) {}
    func ended(step: Int, totalMemoryBytes: Int) {}
}

/// Collects what start-up wants a person to read, until somebody prints.
final class NoticeBoard {
    private(set) var texts: [String] = []

    func add(_ text: String) { texts.append(text) }
}
