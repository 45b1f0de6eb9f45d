import AltaComm
import AltaCore
import Foundation

/// A process that waits at its start, before MPI is started, until a debugger has attached or it is let go.
public struct DebuggerWait: Sendable {
    /// What ended a wait.
    public enum End: Equatable, Sendable {
        /// A debugger is attached.
        case debugger
        /// A file in the folder, or SIGCONT.
        case released
        /// Nothing came in time.
        case timeout
    }

    /// At most so many seconds; 0: without limit.
    public let limitSeconds: Double
    /// Where files tell of the wait and end it; nil: none do.
    public let folder: String?
    /// The rank, for the names of the files and for messages.
    public let rank: Int

    private static let pollSeconds = 0.1

    /// Stores the parts.
    public init(limitSeconds: Double, folder: String?, rank: Int) {
        self.limitSeconds = limitSeconds
        self.folder = folder
        self.rank = rank
    }

    /// What the environment asks for; nil: not to wait.
    ///
    /// - Throws: `AltaError` where it gives no number of seconds.
    public init?(environment: [String: String]) throws {
        guard let text = environment[DebugRequest.waitVariable] else { return nil }
        guard let seconds = Double(text), seconds >= 0, seconds.isFinite else {
            throw AltaError(
                "\(DebugRequest.waitVariable) is \(text)", why: "it must be a number of seconds, 0 for no limit",
                remedy: "leave it out: nothing is waited for")
        }
        self.init(
            limitSeconds: seconds, folder: environment[DebugRequest.folderVariable],
            rank: DebugRequest.rank(environment: environment) ?? 0)
    }

    /// What to do to attach, a line each.
    public var invitation: [String] {
        let process = getpid()
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "alta-worker"
        let limit = limitSeconds > 0 ? ", at most \(Int(limitSeconds)) s" : ""
        let release = folder.map { " or touch \($0)/\(DebugRequest.releaseFile(rank: rank))" } ?? ""
        return [
            "note: rank \(rank) on \((try? HostName.current()) ?? "this host"), process \(process), waits for a debugger\(limit)",
            "note:   attach: gdb -p \(process) \(program)   then set breakpoints, and: continue",
            "note:   without a debugger: kill -CONT \(process)\(release)",
        ]
    }

    /// Waits. Call it on the main thread before any other is started: SIGCONT is blocked meanwhile, to be seen.
    public func wait() -> End {
        var signals = sigset_t()
        var before = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGCONT)
        pthread_sigmask(SIG_BLOCK, &signals, &before)
        announce()
        defer {
            file(DebugRequest.waitingFile(rank: rank)).map { path in _ = unlink(path) }
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        let clock = ContinuousClock()
        let started = clock.now
        while limitSeconds == 0 || clock.now - started < .seconds(limitSeconds) {
            if DebuggerWait.isTraced { return .debugger }
            if isReleased { return .released }
            var pause = timespec(tv_sec: 0, tv_nsec: Int(DebuggerWait.pollSeconds * 1e9))
            if sigtimedwait(&signals, nil, &pause) == SIGCONT, !DebuggerWait.isTraced { return .released }
        }
        return .timeout
    }

    /// Whether a debugger is attached to this process.
    public static var isTraced: Bool {
        guard let text = SystemFile.textIfPresent("/proc/self/status") else { return false }
        let tracer = try? ProcFields(text: text, file: "/proc/self/status").text("TracerPid")
        return tracer.flatMap { Int($0) } ?? 0 != 0
    }

    /// Leaves the number of this process where the launcher looks for it.
    private func announce() {
        guard let path = file(DebugRequest.waitingFile(rank: rank)) else { return }
        // Whoever waits for the file must not read half of a number.
        try? "\(getpid())\n".write(toFile: path, atomically: true, encoding: .utf8)
    }

    private var isReleased: Bool {
        [DebugRequest.releaseFile, DebugRequest.releaseFile(rank: rank)].contains { name in
            file(name).map { FileManager.default.fileExists(atPath: $0) } ?? false
        }
    }

    private func file(_ name: String) -> String? { folder.map { "\($0)/\(name)" } }
}
