import AltaComm

/// What a step spends its time on; the names are those of `log.jsonl`.
public enum Phase: String, CaseIterable, Sendable {
    case data, forward, loss, backward, communication, update
}

/// Adds up the seconds of each phase of a step, and knows the phase at hand: for a failure's record, and for
/// whoever watches the rank.
public final class PhaseClock {
    /// Seconds of every phase since `reset`.
    public private(set) var seconds: [Phase: Double] = [:]
    /// The part of those of `communication` that passed waiting for slower ranks, as far as it is known.
    public private(set) var secondsWaited = 0.0
    /// What is going on, or went on last: a phase of the step, or `start`, `comparison`, `checkpoint`, `evaluation`, or
    /// `end` once the rank's work is done and it leaves the job.
    public var current = "start" {
        didSet {
            board?.publish(phase: current)
            observer?(current, step)
        }
    }
    /// The step at hand, from 1; nil before the first.
    public var step: Int? {
        didSet { board?.publish(step: step) }
    }
    /// How many steps this process has completed.
    public var completedSteps = 0 {
        didSet { board?.publish(completedSteps: completedSteps) }
    }
    /// Hears of every phase that begins, with the step at hand; for programs that plant faults.
    package var observer: ((_ phase: String, _ step: Int?) -> Void)?
    /// What is told when each phase began and ended; nil: nobody wants to know.
    public var timeline: Timeline?

    private let board: RankBoard?
    private let clock = ContinuousClock()
    private var began: ContinuousClock.Instant

    /// A clock that starts now.
    ///
    /// - Parameter board: where phase and steps are published; nil: nowhere.
    public init(board: RankBoard? = nil) {
        self.board = board
        began = clock.now
    }

    /// Forgets what was measured.
    public func reset() {
        seconds = [:]
        secondsWaited = 0
        began = clock.now
    }

    /// Seconds since `reset`.
    public var elapsedSeconds: Double { PhaseClock.seconds(began.duration(to: clock.now)) }

    /// Runs `body` and adds its time to `phase`.
    public func measure<T>(_ phase: Phase, _ body: () throws -> T) rethrows -> T {
        current = phase.rawValue
        let start = clock.now
        defer {
            let end = clock.now
            add(PhaseClock.seconds(start.duration(to: end)), to: phase)
            timeline?.add(phase.rawValue, .phase, from: start, to: end)
        }
        return try body()
    }

    /// Moves seconds that a measured body spent on something else.
    public func move(_ moved: Double, from: Phase, to: Phase) {
        add(-moved, to: from)
        add(moved, to: to)
    }

    /// Tells how much of the time of `communication` was waiting for slower ranks.
    func noteWait(_ seconds: Double) { secondsWaited += seconds }

    /// Tells that long work of this rank alone goes on, while others wait for it. Not collective.
    func noteProgress() { board?.noteProgress() }

    /// The same for threads beside the one that trains.
    var progressNote: @Sendable () -> Void { { [board] in board?.noteProgress() } }

    private func add(_ value: Double, to phase: Phase) { seconds[phase, default: 0] += value }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
