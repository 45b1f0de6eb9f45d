import Foundation

/// Starts the package's programs, alone or as jobs of several ranks.
public enum JobRunner {
    /// mpirun, or nil where there is none (the tests that need it are then skipped by name): what `ALTA_TEST_MPIRUN` names,
    /// else the first of the search path.
    public static let mpirun = ProcessInfo.processInfo.environment[MPIFamily.programVariable] ?? path(of: "mpirun")

    /// The whole path of a program of the search path, or nil where there is none.
    public static func path(of program: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whose mpirun it is.
    public static let family: MPIFamily = mpirun.map(MPIFamily.of(mpirun:)) ?? .openMPI

    /// Whether jobs run on the MPI that alta-launch starts.
    public static let hasLauncher = hasMpirun && family == .openMPI

    /// Whether there is an mpirun.
    public static let hasMpirun = mpirun != nil

    /// A program of the package, which is built beside the tests.
    public static func program(_ name: String) -> String {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appending(path: name).path
    }

    /// mpirun's options for any number of ranks on any machine: ranks share cores and yield when idle.
    public static let mpirunOptions = family.options

    /// Starts a program of the package as a job of `ranks` ranks under mpirun.
    public static func start(
        _ name: String, ranks: Int, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> RunningJob {
        try RunningJob.start(
            mpirun ?? "mpirun", mpirunOptions + ["-n", "\(ranks)", program(name)] + arguments,
            environment: environment)
    }

    /// Runs a program of the package as a job of `ranks` ranks under mpirun, to its end.
    public static func run(
        _ name: String, ranks: Int, _ arguments: [String], limitSeconds: Double = 60,
        environment: [String: String] = [:]
    ) throws -> JobOutcome {
        try start(name, ranks: ranks, arguments, environment: environment).finish(limitSeconds: limitSeconds)
    }

    /// Runs a program of the package where each rank has arguments of its own.
    public static func run(_ name: String, rankArguments: [[String]], limitSeconds: Double = 60) throws -> JobOutcome {
        let parts = rankArguments.map { ["-n", "1", program(name)] + $0 }
        return try RunningJob.start(mpirun ?? "mpirun", mpirunOptions + Array(parts.joined(separator: [":"])))
            .finish(limitSeconds: limitSeconds)
    }

    /// Runs a program of the package where each rank has variables of its own in its environment.
    public static func run(
        _ name: String, rankEnvironments: [[String: String]], _ arguments: [String], limitSeconds: Double = 60
    ) throws -> JobOutcome {
        let parts = rankEnvironments.map { variables in
            variables.flatMap { family.option(settingVariable: $0.key, to: $0.value) } + ["-n", "1", program(name)]
                + arguments
        }
        return try RunningJob.start(mpirun ?? "mpirun", mpirunOptions + Array(parts.joined(separator: [":"])))
            .finish(limitSeconds: limitSeconds)
    }

    /// Runs a program of the package without mpirun: a job of one rank, or no job at all.
    public static func runAlone(
        _ name: String, _ arguments: [String], limitSeconds: Double = 60
    ) throws -> JobOutcome {
        try RunningJob.start(program(name), arguments).finish(limitSeconds: limitSeconds)
    }
}
