import AltaCore
import Foundation

/// The command line of `alta-launch run`, read.
public struct LaunchOptions: Equatable, Sendable {
    /// Ranks, hosts, threads. The host file is named, not yet read.
    public var request = LaunchRequest()
    /// Whether to print the plan and stop.
    public var isDryRun = false
    /// After how many seconds the job is ended; nil: never.
    public var timeoutSeconds: Double?
    /// After how many seconds without progress a rank is taken for stalled; 0: never.
    public var stallSeconds: Double
    /// How long ranks may save after a signal before they are ended.
    public var graceSeconds = 60.0
    /// How often the job is started again where its cause can pass.
    public var restarts = 0
    /// Seconds before the first restart.
    public var restartDelaySeconds = 5.0
    /// The program of a rank, where it is not the `alta-worker` beside the launcher.
    public var worker: String?
    /// What follows `--`: the worker's argument list.
    public var workerArguments: [String]

    private static let longestTimeoutSeconds = 1e9
    /// The variable that hands `--stall-timeout` to the ranks, and has its default.
    static let stallVariable = "ALTA_STALL_SECONDS"

    /// After how many seconds a rank is taken for stalled where no option says so.
    private static func usualStallSeconds(_ environment: [String: String]) -> Double {
        environment[stallVariable].flatMap { Double($0) }.flatMap { $0 >= 0 ? $0 : nil } ?? 300
    }

    /// What `alta-launch run` takes.
    public static let command = CommandDescription(
        name: "alta-launch run",
        summary: "Starts alta-worker on many ranks, keeps what each prints, and names the first cause where one fails.",
        options: [
            .value(
                "-n", "-np", name: "N",
                "ranks of the job (default: a Slurm or PBS job's tasks, else what its cores or those of --hosts take; needed on one machine)"
            ),
            .value("--nproc-per-node", name: "P", "ranks on each host; without -n, on all of them"),
            .value(
                "--hosts", "--hostfile", name: "FILE",
                "Open MPI host file (default: a Slurm or PBS job's hosts, else this machine)"),
            .value("--threads-per-rank", name: "T", "threads of each rank (default: 1)"),
            .flag("--no-binding", documentation: "leave ranks unbound, where other jobs share the machine"),
            parameterOption, mpirunOption,
            .value("--timeout", name: "SECONDS", "end the job when it takes longer"),
            .value(
                "--stall-timeout", name: "SECONDS",
                "end the job when a rank does not come to what the others wait in; 0: never (default: 300)"),
            .value("--restarts", name: "K", "start again at most K times, from the newest checkpoint (default: 0)"),
            .value("--min-ranks", name: "M", "restart on no fewer ranks, where a host is gone (default: all)"),
            .value(
                "--restart-delay", name: "SECONDS",
                "before the first restart; doubles while the run gets no further, up to 300 (default: 5)"),
            .value(
                "--grace", name: "SECONDS",
                "how long ranks may save after SIGTERM, SIGUSR1, SIGINT or SIGHUP to the launcher (default: 60)"),
            .value("--worker", name: "PROGRAM", "the program of a rank (default: the alta-worker beside alta-launch)"),
            .flag("--dry-run", documentation: "print the plan and the mpirun line, and start nothing"),
        ],
        trailingName: "SUBCOMMAND...",
        example: "alta-launch run -n 2 -- align config.json --set output=run")

    /// `--mca`.
    static let parameterOption = CommandOption.value(
        "--mca", name: "NAME=VALUE", isRepeated: true,
        "parameter of Open MPI, as btl_tcp_if_include=eth0; wins over the launcher's own")
    /// `--mpirun-option`.
    static let mpirunOption = CommandOption.value(
        "--mpirun-option", name: "ARGUMENT", isRepeated: true, "one more argument for mpirun, as it stands")

    /// The defaults in an environment, for a worker's argument list.
    init(workerArguments: [String], environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.workerArguments = workerArguments
        stallSeconds = Self.usualStallSeconds(environment)
    }

    /// Reads the arguments after `run`; nil where they ask for help.
    /// - Throws: usage errors: unknown options, missing values, counts below 1.
    public init?(
        arguments: [String], environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        let parsed = try Self.command.parse(arguments)
        if parsed.wantsHelp { return nil }
        request = LaunchRequest(
            ranks: try parsed.int("-n", in: LaunchPlan.countRange),
            ranksPerNode: try parsed.int("--nproc-per-node", in: LaunchPlan.countRange),
            threadsPerRank: try parsed.int("--threads-per-rank", in: LaunchPlan.countRange))
        request.hostFile = parsed.value("--hosts")
        request.parameters = try Self.parameters(parsed, of: Self.command)
        request.mpirunOptions = parsed.values("--mpirun-option")
        request.mayBind = !parsed.flag("--no-binding")
        isDryRun = parsed.flag("--dry-run")
        func seconds(_ option: String) throws -> Double? {
            try parsed.double(option, atLeast: 0).map { min($0, Self.longestTimeoutSeconds) }
        }
        timeoutSeconds = try seconds("--timeout")
        stallSeconds = try seconds("--stall-timeout") ?? Self.usualStallSeconds(environment)
        if let given = try seconds("--grace") { graceSeconds = given }
        restarts = try parsed.int("--restarts", in: 0...1_000_000) ?? 0
        request.minimumRanks = try parsed.int("--min-ranks", in: LaunchPlan.countRange)
        if let given = try seconds("--restart-delay") { restartDelaySeconds = given }
        worker = parsed.value("--worker")
        workerArguments = parsed.trailing
    }

    /// The parameters that `--mca` gives on a command's line.
    /// - Throws: a usage error of that command.
    static func parameters(_ parsed: ParsedArguments, of command: CommandDescription) throws -> [MPIParameter] {
        try parsed.values("--mca").map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw command.usageError("--mca is \(text)", "write NAME=VALUE, as --mca btl_tcp_if_include=eth0")
            }
            return MPIParameter(name: parts[0], value: parts[1])
        }
    }
}
