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
            return error.exitCode.rawValue
        }
    }

    private static func run(_ arguments: [String]) throws(AltaError) -> Int32 {
        guard let command = arguments.first else { throw usageError("no command given") }
        if ["-h", "--help", "help"].contains(command) || isHelp(arguments) {
            _ = writeAll(Array(LaunchOptions.help.utf8), to: STDOUT_FILENO)
            return ExitCode.done.rawValue
        }
        if ["check", "debug", "bench"].contains(command) {
            throw usageError("alta-launch \(command) is not available in this version")
        }
        guard command == "run" else { throw usageError("\(command) is no command of alta-launch") }
        var options = try LaunchOptions(arguments: Array(arguments.dropFirst()))
        let invocation = try WorkerInvocation(arguments: options.workerArguments)
        if let file = options.request.hostFile { options.request.hosts = try Host.load(hostFile: file) }
        let machine = MachineDescription.current()
        let plan = try LaunchPlan(machine: machine, request: options.request)
        return try options.isDryRun
            ? show(plan, options, invocation) : LaunchedJob(plan: plan, options: options, invocation: invocation).run()
    }

    private static func isHelp(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    }

    private static func usageError(_ what: String) -> AltaError {
        LaunchOptions.usage(what, remedy: "usage: alta-launch run -n N [options] -- SUBCOMMAND ...")
    }

    private static func show(_ plan: LaunchPlan, _ options: LaunchOptions, _ invocation: WorkerInvocation) -> Int32 {
        let folder = invocation.output.map { "\($0)/ranks" } ?? "\(FileManager.default.temporaryDirectory.path)/ranks"
        let arguments = plan.arguments(
            mpirun: Programs.mpirun() ?? "mpirun",
            environment: plan.environment(failureFolder: LaunchedJob.failureFolder(in: folder), progress: "lines"),
            worker: Programs.worker(options.worker), workerArguments: options.workerArguments)
        _ = writeAll(Array("\(plan.table)\n\n\(shellQuoted(arguments))\n".utf8), to: STDOUT_FILENO)
        return ExitCode.done.rawValue
    }

    static func complain(_ lines: [String]) {
        _ = writeAll(Array((lines.joined(separator: "\n") + "\n").utf8), to: STDERR_FILENO)
    }
}
