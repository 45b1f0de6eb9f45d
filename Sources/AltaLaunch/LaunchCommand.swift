import AltaCore
import Foundation

/// The program `alta-launch`.
public enum LaunchCommand {
    /// Runs the program with its argument list (without its own name), prints, and returns its exit code.
    public static func main(_ arguments: [String]) -> Int32 {
        do {
            return try run(arguments)
        } catch {
            complain(["error: \(error)"])
            return (error as? AltaError)?.exitCode.rawValue ?? ExitCode.failed.rawValue
        }
    }

    private static func run(_ arguments: [String]) throws -> Int32 {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "run": return try launch(rest)
        case "check": return try CheckCommand.run(rest) { _ = say($0) }
        case "-h", "--help", "help": return say(LaunchOptions.command.help)
        case let later? where ["debug", "bench"].contains(later):
            throw usageError("alta-launch \(later) is not available in this version")
        case let unknown?: throw usageError("\(unknown) is no command of alta-launch")
        case nil: throw usageError("no command given")
        }
    }

    private static func launch(_ arguments: [String]) throws -> Int32 {
        guard var options = try LaunchOptions(arguments: arguments) else { return say(LaunchOptions.command.help) }
        let invocation = try WorkerInvocation(arguments: options.workerArguments)
        options.request = try options.request.located(
            environment: ProcessInfo.processInfo.environment,
            workingFolder: FileManager.default.currentDirectoryPath)
        let plan = try LaunchPlan(machine: .current(), request: options.request)
        try options.keepRanks(of: plan)
        if options.restarts > 0 { try invocation.checkRestartable() }
        if options.isDryRun { return show(plan, options, try invocation.output()) }
        return try LaunchedJob(plan: plan, options: options, output: invocation.output()).run()
    }

    private static func usageError(_ what: String) -> AltaError {
        AltaError(what, remedy: "use: alta-launch run -n N [option]... -- SUBCOMMAND...", exitCode: .usage)
    }

    private static func show(_ plan: LaunchPlan, _ options: LaunchOptions, _ output: String?) -> Int32 {
        let folder = (output.map(Programs.absolute) ?? FileManager.default.temporaryDirectory.path) + "/ranks"
        var plan = plan
        let hostFile = plan.writtenHostFile.map { "\n\n\(LaunchPlan.hostFilePath(in: folder)) will hold\n\($0)" } ?? ""
        if !hostFile.isEmpty { plan.hostFile = LaunchPlan.hostFilePath(in: folder) }
        let arguments = plan.arguments(
            mpirun: Programs.mpirun() ?? "mpirun",
            environment: plan.environment(failureFolder: JobFolders.failures(in: folder), progress: "lines")
                + JobAttempt.environment(options, statuses: JobFolders.statuses(in: folder)),
            worker: Programs.worker(options.worker), workerArguments: options.workerArguments)
        return say("\(plan.table)\n\n\(shellQuoted(arguments))\(hostFile)")
    }

    private static func say(_ text: String) -> Int32 {
        _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO)
        return ExitCode.done.rawValue
    }

    static func complain(_ lines: [String]) {
        _ = writeAll(Array((lines.joined(separator: "\n") + "\n").utf8), to: STDERR_FILENO)
    }
}
