import AltaCore
import AltaTrain

/// `alta-worker bench loader`: studies from images and from a pack.
enum BenchLoaderCommand {
    static let description = CommandDescription(
        name: "alta-worker bench loader",
        summary: "Time how fast studies are decoded and augmented, from images and from a pack.",
        options: [
            Benchmarks.model,
            .value(
                "--data", name: "FILE",
                "a CSV, of which B studies are packed too, or a pack; without it, a synthetic cohort"),
            .value("--image-root", name: "FOLDER", "the folder of relative image paths (the CSV's own)"),
            .value("--vocabulary", name: "VOCAB.txt", "a BERT vocabulary; without it, one is trained on the reports"),
            .value("--size", name: "PIXELS", "the shorter side of synthetic radiographs (512)"),
            .value("--studies", name: "B", "studies in a step (32)"),
            .value("--steps", name: "N", "steps to time from each source, after one that warms up (3)"),
            .value("--threads", name: "N", "threads that prepare studies (1, as in training)"),
            .value("--seed", name: "S", "of the synthetic cohort and the augmentation (1)"),
        ],
        example: "alta-worker bench loader --data cohort/train.csv --vocabulary vocab.txt",
        notes: """
            One JSON object a line. share_of_fastest_step: the processor time of a study over that of its training step, were a
            step nothing but matrix products at this machine's peak in the arithmetic that precision auto has here, which the
            line names. Of a CSV the first B studies are packed and timed. Under mpirun rank 0 alone works.
            """)

    static func run(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        let options = try job.agree { try chosenOptions(parsed) }
        try LoaderBenchmark.run(options, context: job, notice: Console.note, emit: Benchmarks.emit)
        return .done
    }

    private static func chosenOptions(_ parsed: ParsedArguments) throws -> LoaderBenchmark.Options {
        var options = LoaderBenchmark.Options()
        (options.modelName, options.model) = try Benchmarks.model(parsed, orElse: options.modelName)
        options.data = parsed.value("--data")
        options.imageRoot = parsed.value("--image-root")
        options.vocabulary = parsed.value("--vocabulary")
        options.radiographSize = try parsed.int("--size", in: 64...4096) ?? options.radiographSize
        options.studies = try parsed.int("--studies", in: Benchmarks.counts) ?? options.studies
        options.steps = try parsed.int("--steps", in: Benchmarks.counts) ?? options.steps
        options.threads = try parsed.int("--threads", in: 1...1024) ?? options.threads
        options.seed = try Benchmarks.seed(parsed) ?? options.seed
        return options
    }
}
