import AltaCore
import AltaModel
import AltaTensor
import Foundation

/// A checkpoint that was written.
struct SavedCheckpoint: Sendable {
    /// Steps completed.
    let step: Int
    let path: String
    /// How long training stood still for it: while an earlier one was still being written, and for the copy.
    let secondsHeld: Double
    /// How long it took to write, while training went on.
    let secondsWritten: Double
}

/// What became of a checkpoint.
enum SaveOutcome: Sendable {
    case written(SavedCheckpoint)
    case failed(step: Int, AltaError)
    /// The checkpoint is there, but nothing names it the best.
    case notNamed(step: Int, AltaError)
}

/// Saves a run's checkpoints beside its training: one rank has it.
///
/// A checkpoint that is due is copied at the step's end, and a thread writes the copy. At most one is written at a time: where
/// one is due and the last is not written yet, training waits, so that every checkpoint that the configuration asks for is
/// there. What became of them is asked for in the training thread.
final class CheckpointSaver {
    private let writer: CheckpointWriter
    private let snapshot: CheckpointSnapshot
    private let thread: JobThread
    private let state: SaverState
    private let validationHash: String?

    /// How long the end of a failed run waits for a checkpoint that is being written.
    private static let limitSeconds = 5.0

    private init(
        writer: CheckpointWriter, snapshot: CheckpointSnapshot, thread: JobThread, state: SaverState,
        validationHash: String?
    ) {
        self.writer = writer
        self.snapshot = snapshot
        self.thread = thread
        self.state = state
        self.validationHash = validationHash
    }

    /// Takes the memory of the copy and starts the thread. Where the best checkpoint cannot be told, that is an outcome.
    ///
    /// - Parameter progress: is called by the thread as the writing gets on.
    static func make(
        _ run: TrainingRun, observe: @escaping CheckpointObserver, progress: @escaping @Sendable () -> Void
    ) -> CheckpointSaver {
        let past = run.isGoingOnHere ? run.completedSteps : -1
        let validationHash = run.validation?.source.contentHash
        let named = Result { try BestCheckpoint.load(run.folder) }
        let best = (try? named.get()).flatMap { best in
            let isOfThisRun = best.step <= past && best.validationHash == validationHash
            let path = run.folder.checkpointPath(step: best.step)
            let isWhole = (try? Checkpoint.open(path, progress: progress)) != nil
            return isOfThisRun && isWhole ? best : nil
        }
        let state = SaverState(past: past, best: best)
        if case .failure(let error) = named { state.add(.notNamed(step: max(past, 0), AgreedFailure.describe(error))) }
        return CheckpointSaver(
            writer: CheckpointWriter(
                folder: run.folder, config: run.config, origin: run.origin, kernels: run.kernels,
                frozen: FrozenFile(run.weights), observe: observe, progress: progress),
            snapshot: .make(run.weights.trainableSpecs), thread: .start(name: "alta-checkpoints"),
            state: state, validationHash: validationHash)
    }

    /// Saves what trains as it is now, after `step` steps; returns when it is copied.
    func save(step: Int, weights: ModelWeights, optimizer: Optimizer, engine: Engine) {
        let clock = ContinuousClock()
        let start = clock.now
        thread.wait()
        snapshot.take(step: step, weights: weights, optimizer: optimizer, engine: engine)
        let held = PhaseClock.seconds(start.duration(to: clock.now))
        thread.add { [writer, snapshot, state] in
            let start = clock.now
            do {
                try writer.write(snapshot, past: state.past) { state.place(step) }
                let saved = SavedCheckpoint(
                    step: step, path: writer.folder.checkpointPath(step: step), secondsHeld: held,
                    secondsWritten: PhaseClock.seconds(start.duration(to: clock.now)))
                state.add(.written(saved))
            } catch { state.add(.failed(step: step, AgreedFailure.describe(error))) }
        }
    }

    /// The step of the best checkpoint of this run; nil: none is known.
    var bestStep: Int? { state.bestStep }

    /// Whether no validation of this run did better than this one.
    func isBest(_ score: ValidationScore) -> Bool { state.isBest(score) }

    /// Whether the checkpoint of a step is written, or being written.
    func hasSaved(step: Int) -> Bool { snapshot.step == step || state.past == step }

    /// Names the checkpoint that was saved last the best, once it is written.
    func nameBest(_ score: ValidationScore, step: Int) {
        guard let validationHash else { return }
        let best = BestCheckpoint(step: step, score: score, validationHash: validationHash)
        let before = state.replaceBest(best)
        thread.add { [writer, state] in
            do {
                // Where the checkpoint could not be written, that was told.
                guard state.past == step else {
                    _ = state.replaceBest(before)
                    return
                }
                try writer.write(best)
            } catch {
                _ = state.replaceBest(before)
                state.add(.notNamed(step: step, AgreedFailure.describe(error)))
            }
        }
    }

    /// What became of checkpoints since the last call.
    func outcomes() -> [SaveOutcome] { state.takeOutcomes() }

    /// Waits for the checkpoint that is being written.
    func wait() { thread.wait() }

    /// Ends the thread. A run that failed elsewhere waits for its checkpoint, but not for ever.
    func end() {
        thread.wait(limitSeconds: Self.limitSeconds)
        thread.end()
    }
}

/// What the thread that trains and the thread that writes both know.
private final class SaverState: Sendable {
    private struct Facts {
        var newest: Int
        var best: BestCheckpoint?
        var outcomes: [SaveOutcome] = []
    }

    private let facts: Locked<Facts>

    init(past: Int, best: BestCheckpoint?) { facts = Locked(Facts(newest: past, best: best)) }

    /// The newest step of this run that has a checkpoint in the folder; -1: none.
    var past: Int { facts.withLock { $0.newest } }

    var bestStep: Int? { facts.withLock { $0.best?.step } }

    func add(_ outcome: SaveOutcome) { facts.withLock { $0.outcomes.append(outcome) } }

    /// Tells that the checkpoint of a step is in the folder.
    func place(_ step: Int) { facts.withLock { $0.newest = step } }

    /// Takes another best one; the one before is returned.
    func replaceBest(_ other: BestCheckpoint?) -> BestCheckpoint? {
        facts.withLock { facts in
            defer { facts.best = other }
            return facts.best
        }
    }

    func isBest(_ score: ValidationScore) -> Bool {
        facts.withLock { facts in
            guard let best = facts.best, best.score.metric == score.metric else { return score.value.isFinite }
            return score.isBetter(than: best.score)
        }
    }

    func takeOutcomes() -> [SaveOutcome] {
        facts.withLock { facts in
            defer { facts.outcomes = [] }
            return facts.outcomes
        }
    }
}
