import AltaCore
import Foundation

/// `alta-launch debug`.
package enum DebugCommand {
    /// Runs the command with its arguments; the exit code. In thread mode it becomes the worker, and does not return.
    static func run(_ arguments: [String]) throws -> Int32 {
        guard let options = try DebugOptions(arguments: arguments) else { return say(DebugOptions.command.help) }
        switch options.action {
        case .processes(let debugged): return try startProcesses(options, debugged)
        case .threads(let use): return try startThreads(options, use)
        case .dump(let target): return try dump(target)
        case .attach(let target, let rank): return try attach(target, rank: rank, options)
        }
    }

    // MARK: Starting

    private static func startProcesses(_ options: DebugOptions, _ debugged: DebuggedRanks) throws -> Int32 {
        let invocation = try WorkerInvocation(arguments: options.workerArguments)
        if debugged.use == .gdb || debugged.use == .panes { _ = try gdb() }
        let worker = DebuggedRanks.deterministic(options.workerArguments, invocation)
        let launch = try LaunchOptions(
            arguments: ["-n", "\(options.ranks)", "--no-binding", "--stall-timeout", "0"]
                + (options.worker.map { ["--worker", $0] } ?? []) + ["--"] + worker)
        guard let launch else { return ExitCode.done.rawValue }
        var plan = try LaunchPlan(
            machine: .current(),
            request: launch.request.onThisMachine(environment: ProcessInfo.processInfo.environment))
        let panes =
            debugged.use == .panes
            ? try DebuggerPanes(environment: ProcessInfo.processInfo.environment, process: getpid()) : nil
        let debugging = Debugging(ranks: debugged, waitSeconds: options.waitSeconds, panes: panes)
        let output = try invocation.output()
        if options.isDryRun {
            let logs = (output.map(Programs.absolute) ?? FileManager.default.temporaryDirectory.path) + "/ranks"
            plan.useFiles(in: logs)
            let attempt = JobAttempt(
                plan: plan, options: launch, folders: JobFolders(logs: logs), number: 1, usedSeconds: 0,
                output: output, debugging: debugging)
            return say(
                shellQuoted(attempt.arguments((Programs.mpirun() ?? "mpirun", Programs.worker(launch.worker))))
                    + plan.coming(filesIn: logs))
        }
        let job = LaunchedJob(
            plan: plan, options: launch, output: output,
            debugging: debugging)
        return try job.run()
    }

    private static func startThreads(_ options: DebugOptions, _ use: DebuggerUse) throws -> Int32 {
        let invocation = try WorkerInvocation(arguments: options.workerArguments)
        let program = Programs.worker(options.worker)
        let worker = [program] + DebuggedRanks.deterministic(options.workerArguments, invocation)
        let logs = try invocation.output().map { Programs.absolute($0) + "/ranks" }
        let variables = threadVariables(options, use, logs: logs)
        let arguments = use == .gdb ? interactive(try gdb(), worker) : worker
        if options.isDryRun {
            return say(shellQuoted(["env"] + variables.map { "\($0.name)=\($0.value)" } + arguments))
        }
        guard Programs.isProgram(program) else {
            throw AltaError("alta-worker was not found", remedy: "build it: swift build -c release", file: program)
        }
        if let logs {
            for folder in ["failures", "status", "debug"] {
                try? FileManager.default.createDirectory(
                    atPath: "\(logs)/\(folder)", withIntermediateDirectories: true)
            }
            FailureRecord.clear(folder: JobFolders.failures(in: logs))
        }
        for (name, value) in variables { setenv(name, value, 1) }
        throw become(arguments)
    }

    /// What a process with ranks as threads finds in its environment.
    package static func threadVariables(
        _ options: DebugOptions, _ use: DebuggerUse, logs: String?
    ) -> [(name: String, value: String)] {
        var list = [(name: DebugRequest.threadsVariable, value: "\(options.ranks)")]
        list += DebuggedRanks.environment.map { (name: $0.0, value: $0.1) }
        if use == .wait { list.append((DebugRequest.waitVariable, "\(options.waitSeconds)")) }
        guard let logs else { return list }
        return list + [
            (DebugRequest.folderVariable, DebuggedRanks.folder(in: logs)),
            (RankStatus.folderVariable, JobFolders.statuses(in: logs)),
            (FailureRecord.folderVariable, JobFolders.failures(in: logs)),
        ]
    }

    // MARK: Looking at a running job

    private static func dump(_ target: String) throws -> Int32 {
        let dump = try HangDump.take(target)
        let path = try dump.write()
        return say((dump.summary + ["all stacks: \(path)"]).joined(separator: "\n"))
    }

    /// Waits for the rank, and becomes gdb on it.
    private static func attach(_ target: String, rank: Int, _ options: DebugOptions) throws -> Int32 {
        let gdb = try gdb()
        let clock = ContinuousClock()
        let started = clock.now
        while true {
            let found = (waiting(target, rank: rank) ?? (try? JobProcess.find(target))?.first { $0.covers(rank) })
            if let found {
                let program = "/proc/\(found.identifier)/exe"
                throw become(
                    [gdb] + DebuggedRanks.quietly.flatMap { ["-ex", $0] } + [program, "-p", "\(found.identifier)"])
            }
            guard options.waitSeconds == 0 || clock.now - started < .seconds(options.waitSeconds) else {
                throw AltaError(
                    "rank \(rank) did not come within \(Int(options.waitSeconds)) s",
                    remedy: "check the run folder and the number of ranks, or give --wait-seconds")
            }
            usleep(100_000)
        }
    }

    /// A rank that waits for a debugger.
    private static func waiting(_ target: String, rank: Int) -> JobProcess? {
        let file = "\(Programs.absolute(target))/ranks/debug/\(DebugRequest.waitingFile(rank: rank))"
        guard let bytes = try? SmallFile.contents(file, what: "a waiting rank's file", limit: 64),
            let process = Int32(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else { return nil }
        return JobProcess.read(process)
    }

    // MARK: Programs

    private static func gdb() throws(AltaError) -> String {
        guard let gdb = Programs.find("gdb") else {
            throw AltaError(
                "gdb was not found", why: "it is in no folder of PATH",
                remedy: "install gdb, or use --wait and attach the debugger that you have (lldb -p PROCESS)")
        }
        return gdb
    }

    /// gdb at its prompt, on a program that is not started yet: pure.
    static func interactive(_ gdb: String, _ program: [String]) -> [String] {
        [gdb] + DebuggedRanks.quietly.flatMap { ["-ex", $0] } + ["--args"] + program
    }

    /// Makes this process another program; returns only why it did not.
    private static func become(_ arguments: [String]) -> AltaError {
        let copies = arguments.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        execv(arguments[0], copies)
        return AltaError("cannot start it", why: String(cString: strerror(errno)), file: arguments[0])
    }

    private static func say(_ text: String) -> Int32 {
        _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO)
        return ExitCode.done.rawValue
    }
}

extension JobProcess {
    /// Whether a rank runs in this process.
    func covers(_ rank: Int) -> Bool { threadCount.map { rank < $0 } ?? (rank == (self.rank ?? 0)) }
}
