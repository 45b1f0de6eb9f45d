import AltaCore
import Foundation

/// Runs programs for the checks, one after the other, and leaves nothing of them behind.
final class ProbeProcess {
    private let signals: SignalSource
    private let clock = ContinuousClock()
    /// From asking a program to end to killing it: mpirun needs up to 2.5 s to end its ranks.
    private static let graceSeconds = 4.0

    /// Call once, before any thread is started.
    /// - Throws: `AltaError` where signals cannot be watched.
    init() throws(AltaError) { signals = try SignalSource() }

    /// How long a program may take.
    struct Limits {
        /// In all, seconds.
        var seconds = Double.infinity
        /// Without a word, seconds.
        var silenceSeconds = Double.infinity
    }

    /// How a program came to its end.
    enum End: Equatable {
        /// By itself, with this exit status.
        case exited(Int32)
        /// It took longer than it may in all.
        case timeout
        /// It said nothing for too long.
        case silence
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - arguments: the program's path first.
    ///   - hear: takes what it prints; the stream is 0 for output and 1 for errors; no bytes at its end.
    /// - Returns: its exit status, 128 + signal where it was killed, or the limit that it was ended for.
    /// - Throws: `AltaError` where it cannot be started, or this process was told to stop.
    func run(
        _ arguments: [String], limits: Limits, hear: (_ stream: Int, _ bytes: ArraySlice<UInt8>) -> Void
    ) throws(AltaError) -> End {
        let child = try ChildProcess(arguments: arguments, environment: ProcessInfo.processInfo.environment)
        defer { child.closeStreams() }
        let started = clock.now
        var heard = started
        var asked: ContinuousClock.Instant?
        var late: End?
        var stop: Int32?
        var status: Int32?
        while true {
            child.waitForNews(signals, milliseconds: 100)
            if child.readOutput(hear) { heard = clock.now }
            stop = stop ?? signals.wait(seconds: 0)
            status = reap(child)
            if status != nil { break }
            let now = clock.now
            if asked == nil {
                if (now - started) / .seconds(1) > limits.seconds {
                    late = .timeout
                } else if (now - heard) / .seconds(1) > limits.silenceSeconds {
                    late = .silence
                }
            }
            if asked == nil, late != nil || stop != nil {
                asked = now
                child.send(SIGTERM)
            }
            if let asked, now - asked > .seconds(Self.graceSeconds) { kill(-child.identifier, SIGKILL) }
        }
        ChildProcess.killRemaining()
        child.readOutput(hear)
        for stream in 0...1 { hear(stream, []) }
        if let stop { throw Self.stopped(by: stop) }
        if asked != nil { SharedMemoryRemains.remove(jobFamily: nil, mpirun: child.identifier) }
        return late ?? .exited(status ?? 1)
    }

    /// Runs programs beside each other, each for so many seconds at most.
    /// - Throws: `AltaError` where one cannot be started, or this process was told to stop.
    func runBeside(_ programs: [[String]], limitSeconds: Double) throws(AltaError) -> [ProbeOutcome] {
        let ended = try ParallelPrograms(signals: signals, limitSeconds: limitSeconds).run(programs)
        if let stop = ended.signal { throw Self.stopped(by: stop) }
        return ended.outcomes
    }

    /// Waits.
    /// - Throws: `AltaError` where this process was told to stop.
    func sleep(_ seconds: Double) throws(AltaError) {
        if let stop = signals.wait(seconds: seconds) { throw Self.stopped(by: stop) }
    }

    private static func stopped(by signal: Int32) -> AltaError {
        AltaError(
            "stopped by \(SignalSource.name(of: signal))", remedy: "start the same command again",
            exitCode: .stoppedEarly)
    }

    private func reap(_ child: ChildProcess) -> Int32? {
        while let ended = ChildProcess.reap() {
            if ended.identifier == child.identifier { return ended.status }
        }
        return nil
    }
}

extension CheckProbes {
    /// What this machine answers.
    static func live(_ process: ProbeProcess, tell: @escaping (String) -> Void) -> CheckProbes {
        let clock = ContinuousClock()
        let start = clock.now
        return CheckProbes(
            run: { arguments, limit in try outcome(process, arguments, limit) }, runBeside: process.runBeside,
            text: { path in
                (try? SmallFile.contents(path, what: "a setting", limit: 1 << 20))
                    .map { String(decoding: $0, as: UTF8.self) }
            },
            names: { (try? FileManager.default.contentsOfDirectory(atPath: $0)) ?? [] },
            resolves: isKnown, limit: limit, now: { (clock.now - start) / .seconds(1) },
            sleep: process.sleep, environment: ProcessInfo.processInfo.environment, tell: tell)
    }

    private static func outcome(
        _ process: ProbeProcess, _ arguments: [String], _ limitSeconds: Double
    ) throws -> ProbeOutcome {
        var lines: [[String]] = [[], []]
        var assemblers = [LineAssembler(), LineAssembler()]
        let end = try process.run(arguments, limits: .init(seconds: limitSeconds)) { stream, bytes in
            lines[stream] += assemblers[stream].append(bytes, of: .mpirun)
            if bytes.isEmpty, let rest = assemblers[stream].rest(of: .mpirun) { lines[stream].append(rest) }
        }
        let status: Int32? = if case .exited(let status) = end { status } else { nil }
        return ProbeOutcome(status: status, lines: lines[0] + lines[1])
    }

    private static func isKnown(_ host: String) -> Bool {
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, nil, &found) == 0 else { return false }
        freeaddrinfo(found)
        return true
    }

    private static func limit(_ resource: LimitedResource) -> Int? {
        var limit = rlimit()
        let kind = resource == .openFiles ? RLIMIT_NOFILE : __RLIMIT_MEMLOCK
        guard getrlimit(__rlimit_resource_t(kind.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return nil
        }
        return Int(clamping: limit.rlim_cur)
    }
}
