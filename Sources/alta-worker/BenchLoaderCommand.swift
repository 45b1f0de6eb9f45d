import AltaCore
import AltaTrain

/// `alta-worker bench loader`: studies from images and from a pack.
enum BenchLoaderCommand {
    static let description = CommandDescription(
        name: "alta-worker bench loader",
        summary: "Time how fast studies are decoded and augmented, from images and from a pack.",
        options: [
            .value("--model", name: "NAME", "alta-tiny, alta-small or alta-base (the default)"),
            .value("--data", name: "FILE", "a CSV, which is packed too, or a pack; without it, a synthetic cohort"),
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
            step nothing but matrix products at this machine's peak in fp32; in bf16 the step is twice as fast and the share
            twice as large. Under mpirun rank 0 alone works.
            """)

    static func run(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        try job.agree {
            let options = try options(parsed)
            guard job.isFirst else { return }
            try LoaderBenchmark.run(
                options, engine: job.engine, notice: Console.note,
                emit: { Console.print(try JSONValue.object($0).text()) })
        }
        return .done
    }

    private static func options(_ parsed: ParsedArguments) throws -> LoaderBenchmark.Options {
        var options = LoaderBenchmark.Options()
        options.modelName = parsed.value("--model") ?? options.modelName
        guard let model = ModelConfig.preset(options.modelName) else {
            throw parsed.command.usageError(
                "--model is \(options.modelName)", "give one of \(ModelConfig.presetNames.joined(separator: ", "))")
        }
        options.model = model
        options.data = parsed.value("--data")
        options.imageRoot = parsed.value("--image-root")
        options.vocabulary = parsed.value("--vocabulary")
        options.radiographSize = try parsed.int("--size", in: 64...4096) ?? options.radiographSize
        options.studies = try parsed.int("--studies", in: 1...1_000_000) ?? options.studies
        options.steps = try parsed.int("--steps", in: 1...1_000_000) ?? options.steps
        options.threads = try parsed.int("--threads", in: 1...1024) ?? options.threads
        options.seed = try parsed.int("--seed", in: 0...Int.max).map { UInt64($0) } ?? options.seed
        return options
    }
}
