import AltaCore

/// Whether a job that ended is started again, and when: a state machine without clock or processes.
public struct RestartPolicy: Equatable, Sendable {
    /// What the user allows.
    public struct Limits: Equatable, Sendable {
        /// How often the job may be started again.
        public var restarts: Int
        /// Seconds before the first restart; they double with every restart that gets no further than the run had been.
        public var delaySeconds: Double

        /// Stores the limits.
        public init(restarts: Int, delaySeconds: Double) {
            self.restarts = restarts
            self.delaySeconds = delaySeconds
        }
    }

    /// What is known of an attempt that ended.
    public struct Attempt: Equatable, Sendable {
        /// The code that the job would end with.
        public var exitCode: Int32
        /// Whether someone wanted its end: a signal, or the time limit.
        public var wasAskedToEnd: Bool
        /// Steps that it completed.
        public var completedSteps: Int
        /// The farthest step of the run that it began, from 1; 0: none.
        public var reachedStep: Int
        /// Whether it lost a host, which the next attempt leaves out.
        public var lostHost: Bool

        /// Stores what is known.
        public init(
            exitCode: Int32, wasAskedToEnd: Bool = false, completedSteps: Int = 0, reachedStep: Int = 0,
            lostHost: Bool = false
        ) {
            self.exitCode = exitCode
            self.wasAskedToEnd = wasAskedToEnd
            self.completedSteps = completedSteps
            self.reachedStep = reachedStep
            self.lostHost = lostHost
        }
    }

    /// What to do.
    public enum Decision: Equatable, Sendable {
        /// Start again: the how many-th restart, after so many seconds.
        case restart(number: Int, afterSeconds: Double)
        /// Leave it at that; why, where a restart could have been hoped for.
        case end(why: String?)
    }

    /// No pause is longer.
    public static let longestDelaySeconds = 300.0

    private let limits: Limits
    private var used = 0
    private var nextDelaySeconds: Double
    private var farthestStep = 0
    private var hasEverCompletedStep = false

    /// A policy before the first attempt.
    public init(_ limits: Limits) {
        self.limits = limits
        nextDelaySeconds = min(limits.delaySeconds, Self.longestDelaySeconds)
    }

    /// Decides after an attempt.
    public mutating func decide(after attempt: Attempt) -> Decision {
        hasEverCompletedStep = hasEverCompletedStep || attempt.completedSteps > 0
        guard attempt.exitCode != ExitCode.done.rawValue, limits.restarts > 0 else { return .end(why: nil) }
        if attempt.wasAskedToEnd { return .end(why: "its end was asked for") }
        guard attempt.exitCode == ExitCode.stoppedEarly.rawValue else {
            return .end(why: "the same would happen again (exit code \(attempt.exitCode))")
        }
        guard attempt.completedSteps > 0 || attempt.lostHost && hasEverCompletedStep else {
            return .end(why: "it completed no step since its start, so that the same would happen again")
        }
        guard used < limits.restarts else {
            return .end(why: "\(used == 1 ? "its one restart is" : "its \(used) restarts are") used up")
        }
        if attempt.reachedStep > farthestStep { nextDelaySeconds = limits.delaySeconds }
        farthestStep = max(farthestStep, attempt.reachedStep)
        used += 1
        let delay = min(nextDelaySeconds, Self.longestDelaySeconds)
        nextDelaySeconds = min(delay * 2, Self.longestDelaySeconds)
        return .restart(number: used, afterSeconds: delay)
    }
}
