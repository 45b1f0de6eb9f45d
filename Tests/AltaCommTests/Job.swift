import AltaTestSupport

/// Runs `alta-collective-check` as a job of its own.
enum Job {
    private static let program = "alta-collective-check"
    private static let limitSeconds = 90.0

    /// Ranks as processes.
    static func overMPI(ranks: Int, _ options: [String] = []) throws -> JobOutcome {
        try JobRunner.run(program, ranks: ranks, options, limitSeconds: limitSeconds)
    }

    /// Ranks as threads.
    static func overThreads(ranks: Int, _ options: [String] = []) throws -> JobOutcome {
        try alone(["--threads", "\(ranks)"] + options)
    }

    /// One process without mpirun.
    static func alone(_ options: [String] = []) throws -> JobOutcome {
        try JobRunner.runAlone(program, options, limitSeconds: limitSeconds)
    }
}
