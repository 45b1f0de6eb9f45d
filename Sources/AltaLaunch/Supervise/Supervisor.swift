import AltaCore
import Foundation

/// Runs one mpirun to its end, whatever happens, on the main thread of a process that does nothing else.
public struct Supervisor {
    /// What may end a job from outside, and how fast.
    public struct Limits: Sendable {
        /// How long the job may take; nil: for ever.
        public var timeoutSeconds: Double?
        /// How much of that earlier attempts took.
        public var usedSeconds = 0.0
        /// After how many seconds without a word from any rank the job is taken for stalled, a margin aside; 0: never, as where
        /// ranks publish what the launcher cannot see.
        public var stallSeconds = 0.0
        /// Whether ranks are asked to save before they are ended, as those that train are.
        public var savesOnSignal = false
        /// How long saving may take.
        public var saveSeconds = 60.0
        /// How long mpirun may go on after a rank failed: its own clean-up takes 1 to 2 s.
        public var hangSeconds = 4.5
        /// From telling mpirun to end the job to killing what is left. It gives ranks 1 s after SIGTERM, and kills them by
        /// 2.3 s.
        public var killSeconds = 4.5

        /// Limits that end nothing.
        public init() {}
    }

    /// Takes what rank 0 writes to its standard output, instead of the screen.
    var takeOutput: ((ArraySlice<UInt8>) -> Void)?
    /// What the ranks printed.
    public internal(set) var output: RankOutput

    let limits: Limits
    let failureFolder: String
    let statusFolder: String
    let signals: SignalSource
    let clock = ContinuousClock()
    /// Whether every rank's lines are shown, tagged, and not rank 0's alone.
    public var showsEveryRank = false
    private let rankCount: Int
    private var splitters = [OutputSplitter(), OutputSplitter()]
    private var screen = RankZeroScreen()
    private var tagged = TaggedScreen()
    private var wasKilled = false
    private var silenceWatch: SilenceWatch?
    private var lastStallLook = ContinuousClock.now
    var started = ContinuousClock.now
    var reason: JobEnd.Reason?
    var signal: Int32?
    var failureSeen: ContinuousClock.Instant?
    var lastLook = ContinuousClock.now
    var ending: Ending?
    /// The process that looks at the ranks at the moment.
    var dump: Int32?

    /// A supervisor that keeps output where it is told, and looks into the folders of failure records and of statuses.
    public init(
        output: RankOutput, rankCount: Int, failureFolder: String, statusFolder: String, limits: Limits,
        signals: SignalSource
    ) {
        self.output = output
        self.rankCount = rankCount
        self.failureFolder = failureFolder
        self.statusFolder = statusFolder
        self.limits = limits
        self.signals = signals
    }

    /// Starts mpirun, waits for its end, and leaves none of its processes behind.
    /// - Throws: `AltaError` where mpirun cannot be started.
    public mutating func run(arguments: [String], environment: [String: String]) throws(AltaError) -> JobEnd {
        let child = try ChildProcess(arguments: arguments, environment: environment)
        started = clock.now
        if limits.stallSeconds > 0 {
            silenceWatch = SilenceWatch(rankCount: rankCount, stallSeconds: limits.stallSeconds, now: 0)
        }
        var status: Int32?
        while status == nil {
            child.waitForNews(signals, screens: Screen.shared.waiting, milliseconds: 200)
            Screen.shared.flush()
            child.readOutput { show($0, $1) }
            takeSignals(child)
            status = reap(child)
            if status == nil { applyLimits(child) }
        }
        ChildProcess.killRemaining()
        child.readOutput { show($0, $1) }
        for (index, _) in splitters.enumerated() { show(index, []) }
        screen.finish()
        print(tagged.rest(), 0)
        if wasKilled { SharedMemoryRemains.remove(jobFamily: output.jobFamily, mpirun: child.identifier) }
        child.closeStreams()
        return JobEnd(status: status ?? 1, wasKilled: wasKilled, reason: reason, signal: signal)
    }

    /// Tells the user something, on a line of its own.
    mutating func say(_ text: String) {
        screen.finish()
        LaunchCommand.complain(["alta-launch: \(text)"])
    }

    /// Whether any rank said or showed that it failed.
    var hasFailure: Bool {
        !FailureRecord.load(folder: failureFolder).isEmpty || output.messages(status: nil).ending != nil
    }

    /// What stands still, where the whole job does.
    mutating func findStall() -> StallFinding? {
        guard var watch = silenceWatch else { return nil }
        let now = clock.now
        guard now - lastStallLook > .seconds(watch.intervalSeconds) else { return nil }
        lastStallLook = now
        let seconds = (now - started) / .seconds(1)
        let finding = watch.look(RankStatus.load(folder: statusFolder), now: seconds)
        silenceWatch = watch
        return finding
    }

    /// Takes bytes of stream 0 (output) or 1 (error) apart; an empty piece ends the stream.
    private mutating func show(_ stream: Int, _ bytes: ArraySlice<UInt8>) {
        var pieces: [(OutputSource, ArraySlice<UInt8>)] = []
        if bytes.isEmpty {
            splitters[stream].finish { pieces.append(($0, $1)) }
        } else {
            splitters[stream].append(bytes) { pieces.append(($0, $1)) }
        }
        for (source, piece) in pieces {
            output.append(piece, of: source)
            if showsEveryRank {
                print(tagged.lines(piece, of: source, isError: stream == 1), stream)
            } else if source == .rank(0) {
                if stream == 0, let takeOutput { takeOutput(piece) } else { screen.show(piece, isError: stream == 1) }
            }
        }
    }

    private func print(_ lines: [String], _ stream: Int) {
        guard !lines.isEmpty else { return }
        Screen.shared.show(
            Array((lines.joined(separator: "\n") + "\n").utf8), on: stream == 0 ? .output : .errors)
    }

    /// Takes leave of children that have ended; mpirun's exit status, where it is one of them.
    private mutating func reap(_ child: ChildProcess) -> Int32? {
        while let ended = ChildProcess.reap() {
            if ended.identifier == dump { dump = nil }
            if ended.identifier != child.identifier { continue }
            wasKilled = ended.wasKilled
            return ended.status
        }
        return nil
    }
}
