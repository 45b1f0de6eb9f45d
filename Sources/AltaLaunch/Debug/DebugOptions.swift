import AltaCore

/// The command line of `alta-launch debug`, read.
public struct DebugOptions: Equatable, Sendable {
    /// What is to be done.
    public enum Action: Equatable, Sendable {
        /// Start ranks as processes under mpirun; the chosen ones in a debugger's reach.
        case processes(DebuggedRanks)
        /// Start one process whose ranks are threads.
        case threads(DebuggerUse)
        /// Tell where every rank of a running job is.
        case dump(target: String)
        /// Attach gdb to a rank of a running job.
        case attach(target: String, rank: Int)
    }

    /// What is to be done.
    public var action: Action
    /// Ranks of the job; 0 where none is started.
    public var ranks: Int
    /// How long a rank waits for a debugger, and how long `--attach` waits for a rank, seconds; 0: without limit.
    public var waitSeconds: Double
    /// The program of a rank, where it is not the `alta-worker` beside the launcher.
    public var worker: String?
    /// Whether to print what would be started, and start nothing.
    public var isDryRun: Bool
    /// What follows `--`: the worker's argument list.
    public var workerArguments: [String]

    /// What `alta-launch debug` takes.
    public static let command = CommandDescription(
        name: "alta-launch debug",
        summary: "Starts ranks of this machine under a debugger, or tells where the ranks of a running job are.",
        options: [
            .value("-n", "-np", name: "N", "ranks of the job"),
            .flag("--threads", documentation: "ranks are threads of one process, and MPI is not needed"),
            .value("--ranks", name: "LIST", "the ranks to debug, as 0,2 or 1-3 (default: all)"),
            .flag("--wait", documentation: "they wait at their start until a debugger has attached"),
            .flag("--gdb", documentation: "they run in gdb: with --tmux at a prompt, else by itself until they crash"),
            .flag("--tmux", documentation: "with --gdb: a tmux window with a pane for each"),
            .value("--wait-seconds", name: "SECONDS", "how long to wait for a debugger (default: 600; 0: no limit)"),
            .value("--dump", name: "OUTPUT_OR_PID", "every rank's phase, collective and stacks, of a running job"),
            .value("--attach", name: "OUTPUT_OR_PID", "start gdb on the one rank of --ranks in a running job"),
            .value("--worker", name: "PROGRAM", "the program of a rank (default: the alta-worker beside alta-launch)"),
            .flag("--dry-run", documentation: "print what would be started, and start nothing"),
        ],
        trailingName: "SUBCOMMAND...",
        example: "alta-launch debug --ranks 1 --wait -n 2 -- align config.json --set steps=3",
        notes: "A job is named by its run folder, or by the process of its launcher or of mpirun.\n"
            + "SIGQUIT (Ctrl-\\) makes a running launcher dump its job.")

    private static let defaultWaitSeconds = 600.0
    private static let longestWaitSeconds = 1e9

    /// Reads the arguments after `debug`; nil where they ask for help.
    /// - Throws: usage errors: unknown options, missing values, options that do not go together.
    public init?(arguments: [String]) throws {
        let parsed = try Self.command.parse(arguments)
        if parsed.wantsHelp { return nil }
        let count = try parsed.int("-n", in: LaunchPlan.countRange)
        let chosen = try parsed.value("--ranks").map(Self.ranks)
        waitSeconds = try min(
            parsed.double("--wait-seconds", atLeast: 0) ?? Self.defaultWaitSeconds, Self.longestWaitSeconds)
        worker = parsed.value("--worker")
        isDryRun = parsed.flag("--dry-run")
        workerArguments = parsed.trailing
        ranks = count ?? 0
        if parsed.value("--dump") != nil || parsed.value("--attach") != nil {
            action = try Self.running(parsed, chosen)
        } else {
            guard let count else { throw Self.command.usageError("the number of ranks is missing", "give -n N") }
            action = try Self.started(parsed, chosen, count: count)
        }
    }

    /// What looks at a job that runs.
    private static func running(_ parsed: ParsedArguments, _ chosen: [Int]?) throws -> Action {
        for name in ["-n", "--threads", "--wait", "--gdb", "--tmux", "--worker", "--dry-run"]
        where !parsed.values(name).isEmpty {
            throw command.usageError(
                "\(name) is for a job to be started", "leave it out, or leave out --dump and --attach")
        }
        guard parsed.trailing.isEmpty else {
            throw command.usageError("nothing is started where a running job is looked at", "leave out what follows --")
        }
        guard let target = parsed.value("--attach") else {
            guard chosen == nil else { throw command.usageError("--dump shows every rank", "leave out --ranks") }
            return .dump(target: try parsed.required("--dump"))
        }
        guard parsed.value("--dump") == nil else {
            throw command.usageError("--dump and --attach do not go together", "dump first: gdb keeps others out")
        }
        guard let rank = chosen?.first, chosen?.count == 1 else {
            throw command.usageError("--attach takes one rank", "name it by --ranks R")
        }
        return .attach(target: target, rank: rank)
    }

    /// What starts a job.
    private static func started(_ parsed: ParsedArguments, _ chosen: [Int]?, count: Int) throws -> Action {
        let (waits, gdb, tmux) = (parsed.flag("--wait"), parsed.flag("--gdb"), parsed.flag("--tmux"))
        guard !(waits && gdb) else {
            throw command.usageError("--wait and --gdb do not go together", "give the one that starts the debugger")
        }
        guard gdb || !tmux else { throw command.usageError("--tmux goes with --gdb", "add --gdb") }
        if parsed.flag("--threads") {
            guard chosen == nil, !tmux else {
                throw command.usageError(
                    "ranks that are threads share one debugger",
                    "leave out --ranks and --tmux; every rank is a thread in it")
            }
            return .threads(gdb ? .gdb : waits ? .wait : .none)
        }
        if let wrong = chosen?.first(where: { $0 >= count }) {
            throw command.usageError("there is no rank \(wrong)", "give ranks from 0 to \(count - 1)")
        }
        let use: DebuggerUse = tmux ? .panes : gdb ? .gdb : waits || chosen != nil ? .wait : .none
        return .processes(DebuggedRanks(use: use, ranks: chosen ?? Array(0..<count), count: count))
    }

    /// Ranks as `0,2` or `1-3,7`, ascending, each once.
    static func ranks(_ text: String) throws(AltaError) -> [Int] {
        var found: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], 0 <= first, first <= last,
                last < LaunchPlan.countRange.upperBound
            else { throw command.usageError("--ranks is \(text)", "give ranks as 0,2 or 1-3") }
            found.formUnion(first...last)
        }
        return found.sorted()
    }
}
