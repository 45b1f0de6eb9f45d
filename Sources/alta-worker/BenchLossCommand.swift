import AltaCore
import AltaTrain

/// `alta-worker bench loss`: both contrastive losses over a global batch.
enum BenchLossCommand {
    static let description = CommandDescription(
        name: "alta-worker bench loss",
        summary: "Time both contrastive losses and their gradients on embeddings made of noise.",
        options: [
            .value("--studies", name: "B", "studies in the batch, over all ranks (64)"),
            .value("--patches", name: "P", "patches of a study (196)"),
            .value("--mean-words", name: "W", "words of a report on average, half of it to half as much again (60)"),
            .value("--precision", name: "PRECISION", "fp32, bf16 or auto (the default)"),
            .value("--steps", name: "N", "evaluations to time, after one that warms up (3)"),
            .value("--threads", name: "N", "threads of each rank (ALTA_THREADS, else 1)"),
            .value("--seed", name: "S", "of the embeddings (1)"),
            .value("--dump", name: "OUT", "write the batch, losses and gradients as safetensors; for one rank"),
        ],
        example: "mpirun -n 2 alta-worker bench loss --studies 128 --steps 3",
        notes: """
            Before anything is timed, losses and gradients are held against plain loops on small batches; past the tolerance
            the command ends with an error. One JSON object a step, the slowest rank's; peak_memory_bytes (beyond the
            embeddings) and bytes_sent are the largest rank's, processor_seconds all ranks'. Time grows with the square of B:
            a step of more than two seconds tells on standard error how far it is. At most 256 studies warm up.
            """)

    static func run(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        try job.checkSameOptions(parsed)
        let options = try job.agree { try chosenOptions(parsed, ranks: job.collectives.rankCount) }
        let context = try job.agree {
            try parsed.int("--threads", in: 1...1024).map { try job.with(threads: $0) } ?? job
        }
        try LossBenchmark.run(options, context: context, notice: { Console.note($0) }, emit: Benchmarks.emit)
        return .done
    }

    private static func chosenOptions(_ parsed: ParsedArguments, ranks: Int) throws -> LossBenchmark.Options {
        var options = LossBenchmark.Options()
        options.studies = try parsed.int("--studies", in: Benchmarks.counts) ?? options.studies
        options.patches = try parsed.int("--patches", in: Benchmarks.counts) ?? options.patches
        options.meanWords = try parsed.int("--mean-words", in: Benchmarks.counts) ?? options.meanWords
        options.steps = try parsed.int("--steps", in: Benchmarks.counts) ?? options.steps
        options.seed = try Benchmarks.seed(parsed) ?? options.seed
        let precision = parsed.value("--precision") ?? options.precision.rawValue
        guard let precision = Precision(rawValue: precision) else {
            throw parsed.command.usageError("--precision is \(precision)", "give fp32, bf16 or auto")
        }
        options.precision = precision
        options.dump = parsed.value("--dump")
        guard options.dump == nil || ranks == 1 else {
            throw parsed.command.usageError(
                "--dump on \(ranks) ranks", "one rank has the whole batch: leave mpirun out")
        }
        return options
    }
}
