import AltaCore

/// The command line of `alta-launch bench`, read.
package struct BenchOptions: Equatable, Sendable {
    /// Which curves are measured.
    package enum Mode: String, CaseIterable, Sendable {
        case strong, weak, both
    }

    /// Ranks of the jobs, ascending; empty: powers of two up to what fits.
    package var ranks: [Int] = []
    package var hostFile: String?
    package var threadsPerRank = 1
    package var mayBind = true
    /// Parameters of Open MPI, and further arguments of mpirun.
    package var parameters: [MPIParameter] = []
    package var mpirunOptions: [String] = []
    package var mode = Mode.both
    package var measuresWholeNodes = true
    package var model = "alta-base"
    package var precision = "bf16"
    /// Of the strong curve's global batch; nil: the largest job's studies of the weak curve.
    package var studies: Int?
    /// Of the weak curve; nil: the strong curve's share of a rank of the largest job, or 4.
    package var studiesPerRank: Int?
    package var steps = 5
    package var warmUpSteps = 2
    package var repeats = 3
    package var output = "scaling"
    package var trace: String?
    package var timeoutSeconds: Double?
    package var worker: String?
    package var isDryRun = false
    /// A `scaling.json` whose predictions are printed; nothing is measured.
    package var predict: String?
    /// A `scaling.json` whose model is held against what is measured; nil: the model is fitted to it.
    package var calibration: String?
    /// The speed of the hosts' links; nil: measured.
    package var networkGigabits: Double?
    package var latencySeconds: Double?
    package var ranksPerHost = 32
    package var globalBatch = 1024
    /// Tokenized reports whose lengths unbalance ranks in predictions; nil: those of `bench step`.
    package var reports: String?
    /// More options of `alta-worker bench step`.
    package var workerArguments: [String] = []

    private static let fastestGigabits = 1e6

    package static let command = CommandDescription(
        name: "alta-launch bench",
        summary: "Measures how training steps scale over ranks and hosts, checks that every job computes the same, and "
            + "predicts larger clusters.",
        options: [
            .value("--ranks", name: "LIST", "ranks of the jobs, as 1,2,4 (powers of two that fit on the cores)"),
            .value("--hosts", "--hostfile", name: "FILE", "Open MPI host file (default: this machine)"),
            .value("--threads-per-rank", name: "T", "threads of each rank (1)"),
            .flag("--no-binding", documentation: "leave ranks unbound, where other jobs share the machine"),
            .value("--mode", name: "MODE", "strong, weak or both (the default)"),
            .flag(
                "--no-whole-nodes", documentation: "leave out one rank with all threads of a host against many ranks"),
            .value("--model", name: "NAME", "alta-tiny, alta-small or alta-base (the default)"),
            .value("--precision", name: "PRECISION", "fp32, bf16 (the default) or auto"),
            .value("--studies", name: "B", "global batch of the strong curve (that of the weak curve's largest job)"),
            .value("--studies-per-rank", name: "B", "studies of each rank on the weak curve (4)"),
            .value("--steps", name: "S", "steps to time in each job (5)"),
            .value("--warm-up", name: "N", "steps before them (2)"),
            .value("--repeats", name: "R", "rounds, each of which runs every job once (3)"),
            .value("--output", name: "FOLDER", "where results go (scaling)"),
            .flag("--quick", documentation: "alta-tiny, 2 steps, 1 round, where nothing else is given"),
            .value("--trace", name: "FILE.json", "write the timeline of a step of the largest job"),
            .value("--timeout", name: "SECONDS", "end a job that takes longer, and the sweep with it"),
            .value("--worker", name: "PROGRAM", "the program of a rank (default: the alta-worker beside alta-launch)"),
            LaunchOptions.parameterOption, LaunchOptions.mpirunOption,
            .flag("--dry-run", documentation: "print the jobs and their mpirun lines, and start nothing"),
            .value("--predict", name: "SCALING.json", "print the predictions of a saved result, and measure nothing"),
            .value("--calibration", name: "SCALING.json", "hold the model of a saved result against this one"),
            .value("--network-gbit", name: "G", "speed of the hosts' links in Gbit/s (measured)"),
            .value(
                "--latency-us", name: "L", "microseconds of a small message between hosts (30; from 100 Gbit/s on 5)"),
            .value("--ranks-per-host", name: "N", "ranks on a host of the predicted clusters (32)"),
            .value("--global-batch", name: "B", "global batch of the predicted strong curve (1024)"),
            .value("--reports", name: "FILE", "output of alta-data tokenize: real lengths unbalance predicted ranks"),
        ],
        trailingName: "STEP-OPTIONS...",
        example:
            "alta-launch bench --ranks 1,2 --studies 8 --studies-per-rank 4 --steps 5 --repeats 3 --output scaling",
        notes: """
            What follows -- is handed on to alta-worker bench step, as --micro-batch 4. FOLDER gets scaling.json, scaling.svg and
            runs.jsonl (each job's lines as they came). Every job's first step is compared with that of one rank on the same
            studies, bit for bit where the engine keeps bits; a result that differs is marked INVALID and the exit code is 1.
            """)

    /// Reads the arguments after `bench`; nil where they ask for help.
    /// - Throws: usage errors: unknown options, missing values, numbers out of range.
    package init?(arguments: [String]) throws {
        let parsed = try Self.command.parse(arguments)
        if parsed.wantsHelp { return nil }
        guard parsed.positionals.isEmpty else { throw Self.command.usageError("unexpected argument", "see --help") }
        try readJobs(parsed)
        try readModel(parsed)
        workerArguments = parsed.trailing
    }

    private mutating func readJobs(_ parsed: ParsedArguments) throws {
        if parsed.flag("--quick") { (model, steps, repeats) = ("alta-tiny", 2, 1) }
        ranks = try Self.ranks(parsed)
        hostFile = parsed.value("--hosts")
        threadsPerRank = try parsed.int("--threads-per-rank", in: 1...1024) ?? threadsPerRank
        mayBind = !parsed.flag("--no-binding")
        parameters = try LaunchOptions.parameters(parsed, of: Self.command)
        mpirunOptions = parsed.values("--mpirun-option")
        if let text = parsed.value("--mode") {
            guard let mode = Mode(rawValue: text) else {
                throw Self.command.usageError("--mode is \(text)", "give strong, weak or both")
            }
            self.mode = mode
        }
        measuresWholeNodes = !parsed.flag("--no-whole-nodes")
        model = parsed.value("--model") ?? model
        precision = parsed.value("--precision") ?? precision
        studies = try parsed.int("--studies", in: 1...1_000_000)
        studiesPerRank = try parsed.int("--studies-per-rank", in: 1...1_000_000)
        steps = try parsed.int("--steps", in: 1...1_000_000) ?? steps
        warmUpSteps = try parsed.int("--warm-up", in: 0...1_000_000) ?? warmUpSteps
        repeats = try parsed.int("--repeats", in: 1...1000) ?? repeats
        output = parsed.value("--output") ?? output
        trace = parsed.value("--trace")
        timeoutSeconds = try parsed.double("--timeout", atLeast: 0).map { min($0, 1e9) }
        worker = parsed.value("--worker")
        isDryRun = parsed.flag("--dry-run")
    }

    private mutating func readModel(_ parsed: ParsedArguments) throws {
        predict = parsed.value("--predict")
        calibration = parsed.value("--calibration")
        networkGigabits = try parsed.double("--network-gbit", atLeast: 1e-3)
        if let speed = networkGigabits, speed > Self.fastestGigabits {
            throw Self.command.usageError(
                "--network-gbit is \(speed)", "give at most \(Self.fastestGigabits.plainText)")
        }
        latencySeconds = try parsed.double("--latency-us", atLeast: 0).map { $0 * 1e-6 }
        ranksPerHost = try parsed.int("--ranks-per-host", in: 1...4096) ?? ranksPerHost
        globalBatch = try parsed.int("--global-batch", in: 8...1_000_000) ?? globalBatch
        reports = parsed.value("--reports")
    }

    private static func ranks(_ parsed: ParsedArguments) throws -> [Int] {
        guard let text = parsed.value("--ranks") else { return [] }
        let ranks = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard ranks.allSatisfy(LaunchPlan.countRange.contains) else {
            throw command.usageError("--ranks is \(text)", "give numbers of 1 or more, as 1,2,4")
        }
        return Set(ranks).sorted()
    }
}
