import AltaCore
import Foundation

/// The program `alta-launch`.
public enum LaunchCommand {
    /// Runs the program with its argument list (without its own name), prints, and returns its exit code.
    public static func main(_ arguments: [String]) -> Int32 {
        defer { Screen.shared.drain() }
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
        case "debug": return try DebugCommand.run(rest)
        case "bench": return try BenchCommand.run(rest)
        case "-h", "--help", "help": return say(overview)
        case let unknown?: throw usageError("\(unknown) is no command of alta-launch")
        case nil: throw usageError("no command given")
        }
    }

    private static let overview = """
        \(LaunchOptions.command.help)
        Other commands, each with --help and an example:
          alta-launch check   what would keep a job from running well, before it is started
          alta-launch debug   ranks under a debugger, or as threads of one process; what a hanging job is doing
          alta-launch bench   how fast a training step is on more ranks and hosts, and would be on yet more
        """

    private static func launch(_ arguments: [String]) throws -> Int32 {
        guard var options = try LaunchOptions(arguments: arguments) else { return say(LaunchOptions.command.help) }
        let invocation = try WorkerInvocation(arguments: options.workerArguments)
        options.request = try options.request.located()
        let plan = try LaunchPlan(machine: .current(), request: options.request)
        try options.keepRanks(of: plan)
        if options.restarts > 0 { try invocation.checkRestartable() }
        if options.isDryRun { return show(plan, options, try invocation.output()) }
        return try LaunchedJob(plan: plan, options: options, output: invocation.output()).run()
    }

    private static func usageError(_ what: String) -> AltaError {
        AltaError(
            what,
            remedy:
                "use alta-launch run -n N [option]... -- SUBCOMMAND..., or check, debug, bench; see alta-launch --help",
            exitCode: .usage)
    }

    private static func show(_ plan: LaunchPlan, _ options: LaunchOptions, _ output: String?) -> Int32 {
        let folder = (output.map(Programs.absolute) ?? FileManager.default.temporaryDirectory.path) + "/ranks"
        var plan = plan
        plan.useFiles(in: folder)
        let arguments = plan.arguments(
            mpirun: Programs.mpirun() ?? "mpirun",
            environment: plan.environment(failureFolder: JobFolders.failures(in: folder), progress: "lines")
                + JobAttempt.environment(options, statuses: JobFolders.statuses(in: folder)),
            worker: Programs.worker(options.worker), workerArguments: options.workerArguments)
        return say("\(plan.table)\n\n\(shellQuoted(arguments))\(plan.coming(filesIn: folder))")
    }

    private static func say(_ text: String) -> Int32 {
        _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO)
        return ExitCode.done.rawValue
    }

    static func complain(_ lines: [String]) {
        Screen.shared.show(Array((lines.joined(separator: "\n") + "\n").utf8), on: .errors)
    }
}
