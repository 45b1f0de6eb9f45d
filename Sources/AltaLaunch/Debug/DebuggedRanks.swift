import AltaCore

/// How a debugger comes to a rank.
public enum DebuggerUse: Equatable, Sendable {
    /// Not at all.
    case none
    /// The rank waits until one has attached.
    case wait
    /// The rank starts in gdb.
    case gdb
    /// The rank waits, and gdb attaches in a tmux pane.
    case panes
}

/// Which ranks of a job are debugged, and how they are started for it: pure.
public struct DebuggedRanks: Equatable, Sendable {
    /// How a debugger comes to them.
    public var use: DebuggerUse
    /// The ranks, ascending.
    public var ranks: [Int]
    /// Ranks of the job.
    public var count: Int

    /// Stores the choice.
    public init(use: DebuggerUse, ranks: [Int], count: Int) {
        self.use = use
        self.ranks = ranks
        self.count = count
    }

    /// Variables of every rank: collectives are compared before each, and nobody counts a stop at a breakpoint as a stall.
    public static let environment = [("ALTA_CHECK_COLLECTIVES", "1"), ("ALTA_STALL_SECONDS", "0")]

    /// The folder, beside the ranks' logs, in which waiting ranks tell that they wait.
    public static func folder(in logs: String) -> String { "\(logs)/debug" }

    /// The worker's arguments with reproducible sums, where its subcommand knows them and nothing is said of them.
    public static func deterministic(_ arguments: [String], _ invocation: WorkerInvocation) -> [String] {
        let isSaid = invocation.overrides.contains { $0.hasPrefix("deterministic=") }
        guard WorkerInvocation.training.contains(invocation.subcommand), !isSaid else { return arguments }
        return arguments + ["--set", "deterministic=true"]
    }

    /// The argument list of mpirun.
    ///
    /// - Parameters:
    ///   - base: the list for all ranks alike, up to the program: it holds `-n N`, and `-x NAME=VALUE` for its variables.
    ///   - worker: the program of a rank with its arguments.
    ///   - gdb: the debugger's program.
    ///   - logs: the folder of the ranks' logs.
    ///   - waitSeconds: how long a rank waits for a debugger.
    public func arguments(
        base: [String], worker: [String], gdb: String, logs: String, waitSeconds: Double
    ) -> [String] {
        let place = base.firstIndex(of: "-n") ?? base.endIndex
        let variables =
            base.indices.filter { base[$0] == "-x" }.flatMap { [base[$0], base[$0 + 1]] }
            + Self.environment.flatMap { ["-x", "\($0.0)=\($0.1)"] }
        var common = Array(base[..<place])
        var index = min(place + 2, base.endIndex)
        while index < base.endIndex {
            // What is said for one group of ranks would not hold for the next.
            if base[index] == "-x" { index += 2; continue }
            common.append(base[index])
            index += 1
        }
        let parts = groups.map { group in
            ["-n", "\(group.count)"] + variables
                + (group.isChosen ? chosenPart(worker, gdb: gdb, logs: logs, waitSeconds: waitSeconds) : worker)
        }
        return common + Array(parts.joined(separator: [":"]))
    }

    /// gdb on a program, by itself: it runs it, and prints every thread's stack where it stops.
    public static func gdbByItself(_ gdb: String, _ program: [String]) -> [String] {
        [gdb, "-batch", "-return-child-result"]
            + quietly.flatMap { ["-ex", $0] } + ["-ex", "run", "-ex", "thread apply all backtrace", "--args"] + program
    }

    /// What gdb is told before a program of ours runs: signals that tell ranks something are no reason to stop.
    static let quietly = [
        "set complaints 0", "set startup-with-shell off", "set pagination off", "set confirm off",
        "handle SIGUSR1 SIGUSR2 SIGCONT SIGPIPE nostop noprint pass",
    ]

    private func chosenPart(_ worker: [String], gdb: String, logs: String, waitSeconds: Double) -> [String] {
        switch use {
        case .none: worker
        case .gdb: Self.gdbByItself(gdb, worker)
        case .wait, .panes:
            [
                "-x", "\(DebugRequest.waitVariable)=\(waitSeconds)", "-x",
                "\(DebugRequest.folderVariable)=\(Self.folder(in: logs))",
            ] + worker
        }
    }

    /// Neighbouring ranks that are started alike.
    private var groups: [(count: Int, isChosen: Bool)] {
        var groups: [(count: Int, isChosen: Bool)] = []
        for rank in 0..<count {
            let isChosen = use != .none && ranks.contains(rank)
            // Each rank in gdb stands by itself, as one reads the line.
            if let last = groups.last, last.isChosen == isChosen, !isChosen || use != .gdb {
                groups[groups.count - 1].count += 1
            } else {
                groups.append((1, isChosen))
            }
        }
        return groups
    }
}
