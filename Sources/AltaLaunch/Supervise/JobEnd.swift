/// How a job came to its end.
public struct JobEnd: Equatable, Sendable {
    /// Why the launcher ended it, where it did.
    public enum Reason: Equatable, Sendable {
        /// The launcher got a signal.
        case signal(Int32)
        /// It took longer than `--timeout`.
        case timeout(Double)
        /// A rank failed and the others hung.
        case hangAfterFailure
        /// No rank published anything for so many seconds, and no rank's watchdog said why.
        case stall(StallFinding)
    }

    /// mpirun's exit status; 128 + signal where a rank, or mpirun itself, was killed.
    public var status: Int32
    /// Whether mpirun itself was killed.
    public var wasKilled: Bool
    /// Why the launcher ended the job; nil: it ended by itself.
    public var reason: Reason?
    /// The signal that the launcher got, whatever the reason of the end.
    public var signal: Int32?

    /// Stores how a job ended.
    public init(status: Int32, wasKilled: Bool = false, reason: Reason? = nil, signal: Int32? = nil) {
        self.status = status
        self.wasKilled = wasKilled
        self.reason = reason
        self.signal = signal
    }
}
