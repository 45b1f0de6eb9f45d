import AltaCore
import CAltaSystem
import Foundation

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
    }

    /// mpirun's exit status; 128 + signal where a rank, or mpirun itself, was killed.
    public var status: Int32
    /// Whether mpirun itself was killed.
    public var wasKilled: Bool
    /// Why the launcher ended the job; nil: it ended by itself.
    public var reason: Reason?

    /// Stores how a job ended.
    public init(status: Int32, wasKilled: Bool = false, reason: Reason? = nil) {
        self.status = status
        self.wasKilled = wasKilled
        self.reason = reason
    }
}

/// Runs one mpirun to its end, whatever happens, on the main thread of a process that does nothing else.
public struct Supervisor {
    /// How long the job may take; nil: for ever.
    public var timeoutSeconds: Double?
    /// How long mpirun may go on after a rank failed: its own clean-up takes 1 to 2 s.
    public var hangSeconds = 8.0
    /// From asking mpirun to end the job to killing what is left. It gives ranks 1 s after SIGTERM, and kills them by 2.3 s.
    public var graceSeconds = 5.0
    /// Takes what rank 0 writes to its standard output, instead of the screen.
    var takeOutput: ((ArraySlice<UInt8>) -> Void)?
    /// What the ranks printed.
    public private(set) var output: RankOutput

    private let failureFolder: String
    private let clock = ContinuousClock()
    private var splitters = [OutputSplitter(), OutputSplitter()]
    private var screen = RankZeroScreen()
    private var reason: JobEnd.Reason?
    private var failureSeen: ContinuousClock.Instant?
    private var lastLook = ContinuousClock.now
    private var endAsked: ContinuousClock.Instant?
    private var hasKilled = false
    private var wasKilled = false

    /// A supervisor that keeps output where it is told and looks for failure records in a folder.
    public init(output: RankOutput, failureFolder: String) {
        self.output = output
        self.failureFolder = failureFolder
    }

    /// Starts mpirun, waits for its end, and leaves none of its processes behind.
    /// - Throws: `AltaError` where mpirun cannot be started.
    public mutating func run(arguments: [String], environment: [String: String]) throws(AltaError) -> JobEnd {
        let signals = alta_launch_supervise()
        guard signals >= 0 else {
            throw AltaError("cannot watch for signals", why: String(cString: strerror(-signals)))
        }
        defer { close(signals) }
        let child = try ChildProcess(arguments: arguments, environment: environment)
        let started = clock.now
        var status: Int32?
        while status == nil {
            waitForNews(signals, child)
            readOutput(of: child)
            takeSignals(signals, child)
            status = reap(child)
            if status == nil { applyLimits(started: started, child) }
        }
        ChildProcess.killRemaining()
        readOutput(of: child)
        for (index, _) in splitters.enumerated() { show(index, []) }
        screen.finish()
        if wasKilled { SharedMemoryRemains.remove(jobFamily: output.jobFamily, mpirun: child.identifier) }
        close(child.standardOutput)
        close(child.standardError)
        return JobEnd(status: status ?? 1, wasKilled: wasKilled, reason: reason)
    }

    private func waitForNews(_ signals: Int32, _ child: ChildProcess) {
        var sources = [signals, child.standardOutput, child.standardError].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        poll(&sources, nfds_t(sources.count), 200)
        // A stream that has ended is always "ready": do not spin between its end and mpirun's.
        if sources.contains(where: { $0.revents & Int16(POLLHUP) != 0 && $0.revents & Int16(POLLIN) == 0 }) {
            usleep(20_000)
        }
    }

    private mutating func readOutput(of child: ChildProcess) {
        for (index, descriptor) in [child.standardOutput, child.standardError].enumerated() {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            // Bounded, so that a chatty rank cannot keep signals and limits from being seen.
            for _ in 0..<16 {
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                show(index, buffer[..<count])
            }
        }
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
            guard source == .rank(0) else { continue }
            if stream == 0, let takeOutput { takeOutput(piece) } else { screen.show(piece, isError: stream == 1) }
        }
    }

    private mutating func takeSignals(_ signals: Int32, _ child: ChildProcess) {
        while case let signal = alta_launch_next_signal(signals), signal > 0 {
            if signal == SIGCHLD { continue }
            if endAsked == nil { ask(child, .signal(signal)) } else { killAll(child) }
        }
    }

    private mutating func ask(_ child: ChildProcess, _ reason: JobEnd.Reason) {
        // A failure that is known already is the cause, even where the user lost patience first.
        self.reason = hasFailure ? .hangAfterFailure : reason
        endAsked = clock.now
        child.send(SIGTERM)
    }

    private mutating func killAll(_ child: ChildProcess) {
        hasKilled = true
        kill(-child.identifier, SIGKILL)
    }

    private mutating func reap(_ child: ChildProcess) -> Int32? {
        var status: Int32 = 0
        while true {
            let process = waitpid(-1, &status, WNOHANG)
            guard process > 0 else { return nil }
            if process != child.identifier { continue }
            let signal = status & 0x7f
            wasKilled = signal != 0
            return signal == 0 ? (status >> 8) & 0xff : 128 + signal
        }
    }

    private mutating func applyLimits(started: ContinuousClock.Instant, _ child: ChildProcess) {
        let now = clock.now
        if let endAsked {
            if !hasKilled && now - endAsked > .seconds(graceSeconds) { killAll(child) }
            return
        }
        if let timeoutSeconds, now - started > .seconds(timeoutSeconds) { return ask(child, .timeout(timeoutSeconds)) }
        if failureSeen == nil, now - lastLook > .milliseconds(200) {
            lastLook = now
            if hasFailure { failureSeen = now }
        }
        if let failureSeen, now - failureSeen > .seconds(hangSeconds) { ask(child, .hangAfterFailure) }
    }

    private var hasFailure: Bool {
        !FailureRecord.load(folder: failureFolder).isEmpty
            || output.messages(status: nil).ending != nil
    }
}
