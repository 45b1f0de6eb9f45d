import AltaComm
import AltaCore
import AltaObjective
import AltaTensor

/// Times both contrastive losses and their gradients, as a step computes them, on embeddings made of noise.
public struct LossBenchmark {
    /// What is timed.
    public struct Options: Sendable {
        /// Studies in the batch, over all ranks.
        public var studies = 64
        /// Patches of a study.
        public var patches = 196
        /// Words of a report on average; lengths are spread evenly from half of it to half as much again.
        public var meanWords = 60
        /// Evaluations that are timed, after one that warms up.
        public var steps = 3
        /// The arithmetic; what it came to is in the output.
        public var precision = Precision.auto
        /// Of the embeddings.
        public var seed: UInt64 = 1
        /// Where the batch, the losses and the gradients are written; nil: nowhere. For one rank.
        public var dump: String?

        /// The published sizes, 64 studies.
        public init() {}
    }

    /// What is timed: both losses of the ranks' shares, as `ContrastiveObjective.evaluate`.
    public typealias Objective = (
        LocalEmbeddings, ContrastiveScales, Engine, Arena, any Collectives
    ) throws -> ContrastiveResult

    /// The width of the published joint space.
    static let width = ModelConfig.published(.align).projection
    /// Makes affinities of deviation 1 at that width.
    static let spread = 0.3
    /// The studies that warm up at most: time grows with their square, and a batch as large as the timed one would double it.
    static let warmUpStudies = 256

    let options: Options
    let context: RankContext
    /// Counts what `context` sends.
    let meter: ByteMeter
    let objective: Objective
    let embeddings: SyntheticEmbeddings
    let share: LocalEmbeddings
    /// What the evaluations work in; kept from one to the next, as in training.
    let arena = Arena()

    /// Collective. Holds the losses against the naive ones on small batches, makes the embeddings, warms up, times each step
    /// and reports it.
    ///
    /// - Parameters:
    ///   - requested: the same on every rank.
    ///   - objective: what is checked and timed.
    ///   - notice: hears what is going on, of a long step from another thread; called on rank 0.
    ///   - emit: takes a step's line; called on rank 0.
    /// - Throws: where the batch does not fit in memory, the dump has no place, the losses are computed wrongly, or a step
    ///   fails.
    public static func run(
        _ requested: Options, context joined: RankContext,
        objective: @escaping Objective = {
            try ContrastiveObjective().evaluate($0, scales: $1, engine: $2, arena: $3, collectives: $4)
        },
        notice: @escaping @Sendable (String) -> Void, emit: (JSONObject) throws -> Void
    ) throws {
        var options = requested
        options.precision = try joined.resolve(requested.precision, notice: notice)
        try joined.agree {
            try checkFits(options, joined)
            try options.dump.map(LossDump.checkPlace)
        }
        func tell(_ text: String) { if joined.isFirst { notice(text) } }
        tell("checking both losses against plain loops")
        let error = try LossCheck(options: options, context: joined, objective: objective).run()
        tell("measuring the peak of matrix products")
        let work = LossWork(options)
        let peak = try work.peak(joined)

        let memory = Arena()
        let benchmark = try make(
            options, joined, objective: objective, wordCounts: work.wordCounts, embeddingsIn: memory)
        try withExtendedLifetime(memory) {
            try benchmark.takeSteps(LossFacts(error: error, peak: peak, work: work), notice: notice, emit: emit)
        }
    }

    /// Collective. Makes this rank's embeddings in `memory`, and an engine that did nothing yet, so that all it takes for the
    /// timed batch is seen.
    private static func make(
        _ options: Options, _ joined: RankContext, objective: @escaping Objective, wordCounts: [Int],
        embeddingsIn memory: Arena
    ) throws -> LossBenchmark {
        let context = try joined.agree { try joined.with(engine: engine(options, joined)) }
        let embeddings = SyntheticEmbeddings(
            seed: options.seed, width: width, patchesPerStudy: options.patches, wordCounts: wordCounts, spread: spread)
        let meter = ByteMeter()
        return LossBenchmark(
            options: options,
            context: context.with(collectives: MeteredCollectives(context.collectives, meter: meter)), meter: meter,
            objective: objective, embeddings: embeddings,
            share: embeddings.share(positions(options.studies, context.collectives), arena: memory))
    }

    /// The positions of this rank's studies: every study costs the same, since it meets all words.
    static func positions(_ studies: Int, _ collectives: any Collectives) -> [Int] {
        Array(stride(from: collectives.rank, to: studies, by: collectives.rankCount))
    }

    /// A new engine for the arithmetic of the options.
    static func engine(_ options: Options, _ context: RankContext) throws -> Engine {
        try context.engine.other(
            threads: context.engine.threads, format: options.precision == .bf16 ? .half : .full)
    }

    private func takeSteps(
        _ facts: LossFacts, notice: @escaping @Sendable (String) -> Void, emit: (JSONObject) throws -> Void
    ) throws {
        let warmUp = min(options.studies, LossBenchmark.warmUpStudies)
        let isFirst = context.isFirst
        let progress = LossProgress(steps: options.steps) { if isFirst { notice($0) } }
        let memory = LossMemory.begin(notice: progress.notice)
        progress.note("warming up: \(warmUp) studies")
        let ratio = Double(options.studies) / Double(warmUp)
        let warmUpSeconds = try seconds { _ = try arena.scoped { try evaluate(share.first(warmUp)) } }
        var expected = warmUpSeconds * ratio * ratio
        for step in 1...options.steps {
            try arena.scoped {
                try context.collectives.barrier()
                meter.reset()
                var result: ContrastiveResult?
                let start = ProcessorTime.seconds()
                expected = try progress.during(step: step, expectedSeconds: expected) {
                    try seconds { result = try evaluate(share) }
                }
                let times = LossTimes(elapsedSeconds: expected, processorSeconds: ProcessorTime.seconds() - start)
                guard let result else { return }
                let line = try describe(step, times, result, facts, memory)
                if context.isFirst { try emit(line) }
                if let path = options.dump, step == options.steps { try dump(result, to: path) }
            }
        }
    }

    private func evaluate(_ share: LocalEmbeddings) throws -> ContrastiveResult {
        try objective(share, embeddings.scales, context.engine, arena, context.collectives)
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return PhaseClock.seconds(start.duration(to: .now))
    }

    private func dump(_ result: ContrastiveResult, to path: String) throws {
        try context.agree { try LossDump(embeddings: embeddings, share: share, result: result).write(path) }
    }
}
