import AltaCore
import Foundation

/// One job from its folders to its closing report.
struct LaunchedJob {
    let plan: LaunchPlan
    let options: LaunchOptions
    /// The run folder; nil where the subcommand writes none.
    let output: String?

    /// The folder of failure records beside the ranks' logs.
    static func failureFolder(in logs: String) -> String { "\(logs)/failures" }

    /// Runs the job and returns its exit code.
    /// - Throws: `AltaError` where it cannot be started.
    func run() throws(AltaError) -> Int32 {
        let programs = try Programs.find(worker: options.worker)
        let logs = try makeLogFolder()
        let lock = try RunFolderLock(folder: logs)
        defer { lock.release() }
        let failures = Self.failureFolder(in: logs)
        FailureRecord.clear(folder: failures)
        var plan = plan
        try plan.writeFiles(in: logs)
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let arguments = plan.arguments(
            mpirun: programs.mpirun,
            environment: plan.environment(failureFolder: failures, progress: isTerminal ? "terminal" : "lines"),
            worker: programs.worker, workerArguments: options.workerArguments)
        var kept = RankOutput(folder: logs)
        kept.begin(rankCount: plan.ranks)
        kept.append(ArraySlice("-- \(shellQuoted(arguments))\n".utf8), of: .launcher)
        LaunchCommand.complain(
            plan.table.split(separator: "\n").map { "alta-launch: \($0)" }
                + ["alta-launch: \(plan.summary); output of the ranks in \(logs)"])
        var supervisor = Supervisor(output: kept, failureFolder: failures)
        supervisor.timeoutSeconds = options.timeoutSeconds
        let end = try supervisor.run(arguments: arguments, environment: ProcessInfo.processInfo.environment)
        return close(end, supervisor.output, failures, logs)
    }

    private func close(_ end: JobEnd, _ kept: RankOutput, _ failures: String, _ logs: String) -> Int32 {
        let facts = FailureReport.Facts(
            end: end, records: FailureRecord.load(folder: failures),
            messages: kept.messages(status: end.status), output: kept,
            onlyHost: plan.hosts.count == 1 ? plan.hosts[0].name : nil)
        let report = FailureReport(facts)
        if let report { LaunchCommand.complain(report.lines) }
        if let failure = kept.writeFailure { LaunchCommand.complain(["warning: a log is incomplete: \(failure)"]) }
        if report == nil { try? FileManager.default.removeItem(atPath: output == nil ? logs : failures) }
        return report?.exitCode ?? ExitCode.done.rawValue
    }

    /// `OUTPUT/ranks`, or a temporary folder for a subcommand without a run folder, with an empty folder for failures.
    private func makeLogFolder() throws(AltaError) -> String {
        let temporary = FileManager.default.temporaryDirectory.path
        let logs =
            output.map { Programs.absolute($0) + "/ranks" }
            ?? "\(temporary)/alta-launch-\(getuid())-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let failures = Self.failureFolder(in: logs)
        do {
            try FileManager.default.createDirectory(atPath: failures, withIntermediateDirectories: true)
        } catch {
            throw AltaError(
                "cannot create the folder of the ranks' output", why: error.localizedDescription,
                remedy: "give another output folder", file: logs)
        }
        guard access(failures, W_OK) == 0, access(logs, W_OK) == 0 else {
            throw AltaError(
                "the output folder cannot be written", remedy: "give another output folder, or its owner's rights",
                file: logs)
        }
        return logs
    }
}
