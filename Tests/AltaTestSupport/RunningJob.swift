import Foundation

/// A program under way, with every process that it started: they share a mark in their environment.
public final class RunningJob {
    private let process = Process()
    private let folder: String
    private let mark = "ALTA_TEST_MARK=\(UUID().uuidString)"

    private init(folder: String) { self.folder = folder }

    deinit {
        killAll()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Starts a program with `environment` over this process's own.
    public static func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> RunningJob {
        let job = RunningJob(folder: try SharedMaterial.temporaryFolder("job"))
        let parts = job.mark.split(separator: "=").map(String.init)
        job.process.executableURL = URL(filePath: program)
        job.process.arguments = arguments
        job.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            .merging([parts[0]: parts[1]]) { $1 }
        job.process.standardInput = FileHandle.nullDevice
        job.process.standardOutput = try newFile("\(job.folder)/output")
        job.process.standardError = try newFile("\(job.folder)/errors")
        try withUsualSignals { try job.process.run() }
        return job
    }

    private static let dispositions = NSLock()

    /// Tests run on threads that block every signal, and what they start would inherit that: mpirun would hand nothing on. And
    /// whoever runs them in the background, or by nohup, has signals ignored that they send.
    private static func withUsualSignals(_ body: () throws -> Void) rethrows {
        dispositions.lock()
        defer { dispositions.unlock() }
        let ignored = [SIGINT, SIGHUP].map { ($0, signal($0, SIG_DFL)) }
        defer { for (number, before) in ignored { signal(number, before) } }
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// The process that was started.
    public var identifier: Int32 { process.processIdentifier }

    /// What it printed so far.
    public var output: String { text("output") }

    /// What it printed on standard error so far.
    public var errors: String { text("errors") }

    /// Waits for the end; `limitSeconds` from now (longer where ranks never yield) every process is killed.
    ///
    /// - Parameter graceSeconds: how long processes may stay after the program's own end and are not counted as left
    ///   behind: mpirun ends a moment before the last of its children.
    public func finish(limitSeconds: Double = 60, graceSeconds: Double = 1) -> JobOutcome {
        let began = ContinuousClock.now
        let end = began + Self.patient(limitSeconds)
        while process.isRunning && .now < end { usleep(10_000) }
        let waited = ContinuousClock.now - began
        if process.isRunning { killAll() }
        process.waitUntilExit()
        for _ in 0..<Int(graceSeconds * 50) where !processes.isEmpty { usleep(20_000) }
        return JobOutcome(
            exitCode: process.terminationStatus, output: output, errors: errors, seconds: waited / .seconds(1),
            remaining: processes.count)
    }

    /// The job's processes that are still there.
    public var processes: [Int32] { identifiers { _ in true } }

    /// The process of a rank; nil: it is not there (yet).
    public func process(ofRank rank: Int) -> Int32? {
        identifiers { $0.contains("\(JobRunner.family.rankVariable)=\(rank)") }.first
    }

    /// Waits until `condition` holds or the program has ended, at most `limitSeconds` from now (longer where ranks never
    /// yield); whether it holds.
    public func wait(limitSeconds: Double = 30, until condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + Self.patient(limitSeconds)
        while process.isRunning && .now < end {
            if condition() { return true }
            usleep(5_000)
        }
        return condition()
    }

    private func killAll() {
        for identifier in processes { kill(identifier, SIGKILL) }
    }

    private func identifiers(where matches: (Set<Substring>) -> Bool) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { identifier in
            guard let data = FileManager.default.contents(atPath: "/proc/\(identifier)/environ") else { return false }
            let variables = Set(String(decoding: data, as: UTF8.self).split(separator: "\0"))
            return variables.contains(Substring(mark)) && matches(variables)
        }
    }

    private static func patient(_ limitSeconds: Double) -> Duration {
        .seconds(limitSeconds * JobRunner.family.patience)
    }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
    }

    private static func newFile(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(filePath: path))
        return try FileHandle(forWritingTo: URL(filePath: path))
    }
}
