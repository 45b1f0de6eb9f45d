import AltaCore

/// The command line of `alta-launch run`, read.
public struct LaunchOptions: Equatable, Sendable {
    /// Ranks, hosts, threads. The host file is named, not yet read.
    public var request: LaunchRequest
    /// Whether to print the plan and stop.
    public var isDryRun: Bool
    /// After how many seconds the job is ended; nil: never.
    public var timeoutSeconds: Double?
    /// The program of a rank, where it is not the `alta-worker` beside the launcher.
    public var worker: String?
    /// What follows `--`: the worker's argument list.
    public var workerArguments: [String]

    private static let longestTimeoutSeconds = 1e9
    private static let laterOptions = ["--restarts", "--min-ranks", "--stall-timeout"]

    /// What `alta-launch run` takes.
    public static let command = CommandDescription(
        name: "alta-launch run",
        summary: "Starts alta-worker on many ranks, keeps what each prints, and names the first cause where one fails.",
        options: [
            .value(
                "-n", "-np", name: "N",
                "ranks of the job (default: what the cores of --hosts or of a Slurm or PBS job take; needed on one machine)"
            ),
            .value("--nproc-per-node", name: "P", "ranks on each host; without -n, on all of them"),
            .value(
                "--hosts", "--hostfile", name: "FILE",
                "Open MPI host file (default: a Slurm or PBS job's hosts, else this machine)"),
            .value("--threads-per-rank", name: "T", "threads of each rank (default: 1)"),
            .flag("--no-binding", documentation: "leave ranks unbound, where other jobs share the machine"),
            .value(
                "--mca", name: "NAME=VALUE", isRepeated: true,
                "parameter of Open MPI, as btl_tcp_if_include=eth0; wins over the launcher's own"),
            .value("--mpirun-option", name: "ARGUMENT", isRepeated: true, "one more argument for mpirun, as it stands"),
            .value("--timeout", name: "SECONDS", "end the job when it takes longer"),
            .value("--worker", name: "PROGRAM", "the program of a rank (default: the alta-worker beside alta-launch)"),
            .flag("--dry-run", documentation: "print the plan and the mpirun line, and start nothing"),
        ],
        trailingName: "SUBCOMMAND...",
        example: "alta-launch run -n 2 -- align config.json --set output=run")

    /// Reads the arguments after `run`; nil where they ask for help.
    /// - Throws: usage errors: unknown options, missing values, counts below 1, options of later versions.
    public init?(arguments: [String]) throws {
        for argument in arguments.prefix(while: { $0 != "--" }) {
            let name = String(argument.prefix { $0 != "=" })
            guard !Self.laterOptions.contains(name) else {
                throw Self.command.usageError(
                    "\(name) is not available in this version", "leave it out; a run resumes when it is started again")
            }
        }
        let parsed = try Self.command.parse(arguments)
        if parsed.wantsHelp { return nil }
        request = LaunchRequest(
            ranks: try parsed.int("-n", in: LaunchPlan.countRange),
            ranksPerNode: try parsed.int("--nproc-per-node", in: LaunchPlan.countRange),
            threadsPerRank: try parsed.int("--threads-per-rank", in: LaunchPlan.countRange))
        request.hostFile = parsed.value("--hosts")
        request.parameters = try parsed.values("--mca").map(Self.parameter)
        request.mpirunOptions = parsed.values("--mpirun-option")
        request.mayBind = !parsed.flag("--no-binding")
        isDryRun = parsed.flag("--dry-run")
        timeoutSeconds = try parsed.double("--timeout", atLeast: 0).map { min($0, Self.longestTimeoutSeconds) }
        worker = parsed.value("--worker")
        workerArguments = parsed.trailing
    }

    private static func parameter(_ text: String) throws -> MPIParameter {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw command.usageError("--mca is \(text)", "write NAME=VALUE, as --mca btl_tcp_if_include=eth0")
        }
        return MPIParameter(name: parts[0], value: parts[1])
    }
}
