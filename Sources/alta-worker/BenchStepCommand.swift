import AltaComm
import AltaCore
import AltaTrain

/// `alta-worker bench step`: whole training steps.
enum BenchStepCommand {
    static let description = CommandDescription(
        name: "alta-worker bench step",
        summary: "Time training steps on studies made of noise.",
        options: [
            Benchmarks.model,
            .value("--studies", name: "B", "studies in a step, over all ranks (8)"),
            .value("--mean-tokens", name: "T", "tokens of a report on average (84)"),
            .value("--steps", name: "N", "steps to time, after those that warm up (5)"),
            .value("--warm-up", name: "N", "steps before the first that is timed (2)"),
            .value("--threads", name: "N", "threads of each rank (ALTA_THREADS, else 1)"),
            .value("--micro-batch", name: "M", "studies in flight on a rank; 0, the default: its whole share"),
            .value("--precision", name: "PRECISION", "fp32, bf16 or auto (the default)"),
            .value("--trainable", name: "SET", "adapters (the default) or all"),
            .value(
                "--deterministic", name: "TRUTH",
                "true or false: sums that do not depend on their order (true where only adapters train)"),
            .value("--absent-views", name: "HOW", "each (the default) or shared"),
            .value("--seed", name: "S", "of the weights and the studies (1)"),
            .value(
                "--trace", name: "FILE.json",
                "write the last step's timeline, all ranks', for chrome://tracing or Perfetto"),
        ],
        example: "mpirun -n 2 alta-worker bench step --model alta-base --studies 8 --steps 5",
        notes: "Each line is the slowest rank's; peak_memory_bytes and bytes_sent are the largest rank's, "
            + "processor_seconds all ranks' together. result_hash is of the bits of the step's losses and gradient norm: with "
            + "keeps_bits, the same at any number of ranks. Everything else that a line says is in Docs/performance.md."
    )

    static func run(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        try job.checkSameOptions(parsed)
        let options = try job.agree { try chosenOptions(parsed) }
        let context = try job.agree {
            try parsed.int("--threads", in: 1...1024).map { try job.with(threads: $0) } ?? job
        }
        try StepBenchmark.run(options, context: context, notice: Console.note, emit: Benchmarks.emit)
        return .done
    }

    private static func chosenOptions(_ parsed: ParsedArguments) throws -> StepBenchmark.Options {
        var options = StepBenchmark.Options()
        (options.modelName, options.model) = try Benchmarks.model(parsed, orElse: options.modelName)
        options.studies = try parsed.int("--studies", in: Benchmarks.counts) ?? options.studies
        options.meanTokens = try parsed.int("--mean-tokens", in: 3...1_000_000) ?? options.meanTokens
        options.steps = try parsed.int("--steps", in: Benchmarks.counts) ?? options.steps
        options.warmUpSteps = try parsed.int("--warm-up", in: 0...1_000_000) ?? options.warmUpSteps
        options.transport = MPICollectives.libraryVersion
        options.trace = parsed.value("--trace")
        options.microBatch = try parsed.int("--micro-batch", in: 0...1_000_000) ?? options.microBatch
        options.seed = try Benchmarks.seed(parsed) ?? options.seed
        options.precision = try choice(parsed, "--precision", "fp32, bf16 or auto") ?? options.precision
        options.trainable = try choice(parsed, "--trainable", "adapters or all") ?? options.trainable
        options.absentViews = try choice(parsed, "--absent-views", "each or shared") ?? options.absentViews
        options.deterministic = try parsed.value("--deterministic").map { text in
            guard let truth = Bool(text) else { throw wrong(parsed, "--deterministic", text, "true or false") }
            return truth
        }
        return options
    }

    private static func choice<T: RawRepresentable<String>>(
        _ parsed: ParsedArguments, _ option: String, _ choices: String
    ) throws -> T? {
        try parsed.value(option).map { text in
            guard let value = T(rawValue: text) else { throw wrong(parsed, option, text, choices) }
            return value
        }
    }

    private static func wrong(
        _ parsed: ParsedArguments, _ option: String, _ text: String, _ choices: String
    ) -> AltaError {
        parsed.command.usageError("\(option) is \(text)", "give \(choices)")
    }
}
