import AltaCore

/// How a program that a check started came to its end.
public struct ProbeOutcome: Equatable, Sendable {
    /// Its exit status; nil: it was ended because it took too long.
    public var status: Int32?
    /// The lines that it printed, those of standard error after those of standard output.
    public var lines: [String]

    /// Stores an end.
    public init(status: Int32?, lines: [String]) {
        self.status = status
        self.lines = lines
    }
}

/// What the checks ask of the world, so that a test can answer instead.
public struct CheckProbes {
    /// Runs a program (its path first) to its end, for so many seconds at most.
    public var run: (_ arguments: [String], _ limitSeconds: Double) throws -> ProbeOutcome
    /// Runs programs beside each other, each for so many seconds at most; how they ended, in order.
    public var runBeside: (_ programs: [[String]], _ limitSeconds: Double) throws -> [ProbeOutcome]
    /// The text of a small file; nil where there is none.
    public var text: (_ path: String) -> String?
    /// The names in a folder; none where there is no folder.
    public var names: (_ folder: String) -> [String]
    /// Whether this machine knows an address for a name.
    public var resolves: (_ host: String) -> Bool
    /// The most of a resource that this process may have; nil: no limit.
    public var limit: (_ resource: LimitedResource) -> Int?
    /// Seconds of a clock that never goes back.
    public var now: () -> Double
    /// Waits so many seconds; throws where this process was told to stop.
    public var sleep: (_ seconds: Double) throws -> Void
    /// The variables of the environment.
    public var environment: [String: String]
    /// Tells a person what is being waited for.
    public var tell: (_ line: String) -> Void

    /// Stores the answers.
    public init(
        run: @escaping ([String], Double) throws -> ProbeOutcome,
        runBeside: @escaping ([[String]], Double) throws -> [ProbeOutcome], text: @escaping (String) -> String?,
        names: @escaping (String) -> [String], resolves: @escaping (String) -> Bool,
        limit: @escaping (LimitedResource) -> Int?, now: @escaping () -> Double,
        sleep: @escaping (Double) throws -> Void,
        environment: [String: String], tell: @escaping (String) -> Void
    ) {
        self.run = run
        self.runBeside = runBeside
        self.text = text
        self.names = names
        self.resolves = resolves
        self.limit = limit
        self.now = now
        self.sleep = sleep
        self.environment = environment
        self.tell = tell
    }
}

/// What the system limits for each process.
public enum LimitedResource: Sendable {
    /// How many files may be open.
    case openFiles
    /// How many bytes may be locked into memory.
    case lockedBytes
}

/// Tries again, first soon and then later, until something holds or the time is over.
package struct Retry {
    /// The time for all attempts.
    let limitSeconds: Double
    /// The pause after the first attempt; each one after it is twice as long.
    let firstPauseSeconds = 0.5
    /// The longest pause.
    let longestPauseSeconds = 8.0

    /// Stores the time for all attempts.
    package init(limitSeconds: Double) { self.limitSeconds = limitSeconds }

    /// Calls `attempt` at least once, until it gives nothing that is left to be done.
    ///
    /// - Parameters:
    ///   - attempt: gives what is still missing; empty: done.
    ///   - waiting: is told before each pause what is missing, and the seconds that have passed.
    /// - Returns: what is missing at the end.
    /// - Throws: what `attempt` does, and where this process was told to stop.
    package func until<Missing>(
        _ probes: CheckProbes, _ attempt: () throws -> [Missing], waiting: ([Missing], Double) -> Void
    ) throws -> [Missing] {
        let start = probes.now()
        var pause = firstPauseSeconds
        while true {
            let missing = try attempt()
            let passed = probes.now() - start
            guard !missing.isEmpty, passed < limitSeconds else { return missing }
            waiting(missing, passed)
            try probes.sleep(min(pause, limitSeconds - passed))
            pause = min(pause * 2, longestPauseSeconds)
        }
    }
}
