import AltaCore
import AltaTrain
import Foundation

/// What happens to a rank, and when: one of
/// - `none`
/// - `phase NAME STEP RANK MICROSECONDS`: so long after the phase begins, in the first step from STEP on, the rank (`all`:
///   every rank) is killed
/// - `stage NAME`: the process that writes a checkpoint is killed at this stage of the first one
/// - `fail NAME STEP`: the writing of that step's checkpoint fails there as on a full disk
/// - `fail each`: that of the first step at the first stage, of the second at the second, up to the last stage of its own
///   place
/// - `beside LAST`: the writing of every checkpoint waits until training is two steps on, or at step LAST
enum PlannedFault {
    case none
    case phase(String, step: Int, rank: Int?, microseconds: UInt32)
    case stage(CheckpointStage)
    case fail(CheckpointStage, step: Int)
    case failEach
    case beside(last: Int)

    /// The plan that the words say; nil: they say none.
    static func parse(_ words: [String]) -> PlannedFault? {
        switch (words.first, words.count) {
        case ("none", 1): return PlannedFault.none
        case ("phase", 5):
            guard let step = Int(words[2]), let wait = UInt32(words[4]), words[3] == "all" || Int(words[3]) != nil
            else { return nil }
            return .phase(words[1], step: step, rank: Int(words[3]), microseconds: wait)
        case ("stage", 2): return CheckpointStage(rawValue: words[1]).map { .stage($0) }
        case ("fail", 2): return words[1] == "each" ? .failEach : nil
        case ("fail", 3):
            guard let stage = CheckpointStage(rawValue: words[1]), let step = Int(words[2]) else { return nil }
            return .fail(stage, step: step)
        case ("beside", 2): return Int(words[1]).map { .beside(last: $0) }
        default: return nil
        }
    }

    /// Plants what happens at the phases of a rank's step.
    func plant(in clock: PhaseClock, rank ownRank: Int) {
        guard case .phase(let name, let step, let rank, let microseconds) = self, rank ?? ownRank == ownRank else {
            return
        }
        var isUnderWay = false
        clock.observer = { phase, current in
            guard phase == name, (current ?? 0) >= step, !isUnderWay else { return }
            isUnderWay = true
            let thread = Thread {
                usleep(microseconds)
                kill(getpid(), SIGKILL)
            }
            thread.start()
        }
    }

    /// What happens at the stages of checkpoints.
    ///
    /// - Parameter completed: the steps that training has taken.
    func observer(_ completed: CompletedSteps) -> CheckpointObserver {
        switch self {
        case .none, .phase: { _, _ in }
        case .stage(let planned): { stage, _ in if stage == planned { kill(getpid(), SIGKILL) } }
        case .fail(let planned, let plannedStep):
            { stage, step in if stage == planned, step == plannedStep { throw PlannedFault.fullDisk } }
        case .failEach:
            { stage, step in
                let stages = CheckpointStage.allCases.prefix { $0 != .setAside } + [.inPlace, .placeFlushed]
                if step <= stages.count, stage == stages[step - 1] { throw PlannedFault.fullDisk }
            }
        case .beside(let last):
            { stage, step in if stage == .trainableHalf { try completed.wait(for: min(step + 2, last)) } }
        }
    }

    private static var fullDisk: AltaError { AltaError.system("cannot write a file", file: "planned", code: ENOSPC) }
}

/// How far training is, for the thread that writes checkpoints.
final class CompletedSteps: @unchecked Sendable {  // `newest` is used under `condition`
    private let condition = NSCondition()
    private var newest = 0
    private static let limitSeconds = 30.0

    /// Tells that a step is taken.
    func add(_ step: Int) {
        condition.lock()
        newest = step
        condition.broadcast()
        condition.unlock()
    }

    /// Returns when the step is taken; throws where that takes too long.
    func wait(for step: Int) throws {
        let limit = Date(timeIntervalSinceNow: Self.limitSeconds)
        condition.lock()
        defer { condition.unlock() }
        while newest < step {
            guard condition.wait(until: limit) else {
                throw AltaError("step \(step) was not taken while a checkpoint was written")
            }
        }
    }
}
