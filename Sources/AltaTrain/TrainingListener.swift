import AltaComm
import AltaCore

/// Hears how a run goes; on rank 0 it tells the log and the person who watches.
protocol TrainingListener {
    func completed(_ report: StepReport)
    func saved(_ path: String)
    func couldNotSave(_ error: AltaError)
    func ended()
}

/// The listener of every rank but the first.
struct SilentListener: TrainingListener {
    func completed(_ report: StepReport) {}
    func saved(_ path: String) {}
    func couldNotSave(_ error: AltaError) {}
    func ended() {}
}
