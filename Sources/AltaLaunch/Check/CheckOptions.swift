import AltaCore

/// The command line of `alta-launch check`, read: that of `run`, and what the check needs besides.
public struct CheckOptions: Equatable, Sendable {
    /// What `run` would be given.
    public var launch: LaunchOptions
    /// Where the findings are written as JSON; nil: nowhere.
    public var jsonPath: String?
    /// How long hosts that are not there yet are waited for, seconds.
    public var waitSeconds: Double
    /// What follows `--`, as `alta-worker preflight` takes it.
    public var preflightArguments: [String]
    /// Whether the number of ranks was given.
    public var hasRankCount: Bool

    private static let defaultWaitSeconds = 30.0
    private static let own = ["--json", "--wait"]
    private static let notTaken = ["--dry-run"]
    private static let stages = ["align", "pretrain"]

    /// What `alta-launch check` takes.
    public static let command = CommandDescription(
        name: "alta-launch check",
        summary:
            "Looks at everything that a job needs before it is started: programs, hosts, limits, and on the planned ranks versions, "
            + "cores, memory, data, folders, speed and network. Each failure comes with its remedy.",
        options: LaunchOptions.command.options.filter { !notTaken.contains($0.names[0]) } + [
            .value("--wait", name: "SECONDS", "how long hosts that are not there yet are waited for (default: 30)"),
            .value("--json", name: "FILE", "write the findings to a file, too"),
        ],
        trailingName: "align|pretrain CONFIG.json...",
        example: "alta-launch check -n 2 -- align config.json --set output=run",
        notes: """
            Without -n there is a rank for each core. Without -- the machines alone are looked at, without data and memory of a run.
            Exit code 0: nothing failed; 1: something did, and will again; 75: it may pass (a host that does not answer yet).
            """)

    /// Reads the arguments after `check`; nil where they ask for help.
    /// - Throws: usage errors: unknown options, missing values, a subcommand that does not train.
    public init?(arguments: [String]) throws {
        let parsed = try Self.command.parse(arguments)
        if parsed.wantsHelp { return nil }
        guard let launch = try LaunchOptions(arguments: Self.withoutOwn(arguments)) else { return nil }
        self.launch = launch
        jsonPath = parsed.value("--json")
        waitSeconds = try parsed.double("--wait", atLeast: 0) ?? Self.defaultWaitSeconds
        hasRankCount = launch.request.ranks != nil || launch.request.ranksPerNode != nil
        preflightArguments = try Self.preflight(parsed.trailing)
    }

    /// The worker's arguments: the subcommand to come is the stage.
    private static func preflight(_ trailing: [String]) throws -> [String] {
        guard let stage = trailing.first else { return ["preflight"] }
        guard stages.contains(stage) else {
            throw command.usageError(
                "\(stage) cannot be checked", "give align or pretrain with its configuration after --, or leave -- out")
        }
        return ["preflight", "--stage", stage] + trailing.dropFirst()
    }

    private static func withoutOwn(_ arguments: [String]) -> [String] {
        var kept: [String] = []
        var rest = arguments.prefix { $0 != "--" }
        while let argument = rest.popFirst() {
            if own.contains(argument) {
                rest = rest.dropFirst()
            } else if !own.contains(where: { argument.hasPrefix("\($0)=") }) {
                kept.append(argument)
            }
        }
        return kept + arguments.drop { $0 != "--" }
    }
}
