import AltaCore
import AltaData
import AltaTensor
import Foundation

/// Times what a rank does to have studies ready: decoding (or reading a pack), augmenting, masking, tokenizing. Says what
/// share of the fastest conceivable step that is.
public struct LoaderBenchmark {
    /// What is timed.
    public struct Options: Sendable {
        /// The shape of the model: sizes of the images, and what a step costs.
        public var model = ModelConfig.published(.align)
        /// Its name in the output.
        public var modelName = "alta-base"
        /// A CSV or a pack; nil: a synthetic cohort, made in a temporary folder.
        public var data: String?
        /// The folder of relative image paths; nil: the CSV's own.
        public var imageRoot: String?
        /// A `vocab.txt`; nil: one is trained on the reports.
        public var vocabulary: String?
        /// The shorter side of synthetic radiographs in pixels.
        public var radiographSize = 512
        /// Studies in a step.
        public var studies = 32
        /// Steps that are timed from each source, after one that warms up.
        public var steps = 3
        /// Threads that prepare studies at the same time. Training has one a rank.
        public var threads = 1
        /// Of the synthetic cohort, and of what is drawn.
        public var seed: UInt64 = 1

        /// The published model and a synthetic cohort.
        public init() {}
    }

    /// How many studies are compared before anything is timed.
    static let checkedStudies = 6

    let options: Options
    let sources: LoaderSources
    /// The arithmetic of the step that studies are held against.
    let precision: Precision
    /// Floating-point operations of a study's step (`StepWork`).
    let operations: Double
    /// Operations a second of one core in matrix products, at their best.
    let peak: Double

    /// Collective, though rank 0 alone works: makes or opens the data, packs it, holds both sources against each other, then
    /// times each.
    ///
    /// - Parameters:
    ///   - joined: the peak of its engine, in the arithmetic that training has by default, is what a step is held against.
    ///   - notice: hears what is going on; called on rank 0.
    ///   - emit: takes the line of a step; called on rank 0.
    /// - Throws: `AgreedFailure` where the data cannot be read, and where a pack gives other studies than its table.
    public static func run(
        _ options: Options, context joined: RankContext, notice: (String) -> Void, emit: (JSONObject) throws -> Void
    ) throws {
        let precision = try joined.resolve(.auto, notice: notice)
        let context = try joined.agree { try joined.computing(in: precision) }
        try context.agree {
            guard context.isFirst else { return }
            let folder = FileManager.default.temporaryDirectory.appending(path: "alta-loader-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let benchmark = try make(
                options, precision: precision, engine: context.engine, folder: folder.path, notice: notice)
            try benchmark.run(notice: notice, emit: emit)
        }
    }

    private static func make(
        _ options: Options, precision: Precision, engine: Engine, folder: String, notice: (String) -> Void
    ) throws -> LoaderBenchmark {
        let sources = try LoaderSources.open(options, folder: folder, notice: notice)
        try sources.check(studies: checkedStudies)
        notice("measuring the peak of matrix products")
        let peak = ProductPeak.of(options.model).measure(engine) * 1e9 / Double(engine.threads)
        return LoaderBenchmark(
            options: options, sources: sources, precision: precision,
            operations: StepWork.fewestOperations(options.model, tokens: try sources.meanTokens()), peak: peak)
    }

    private func run(notice: (String) -> Void, emit: (JSONObject) throws -> Void) throws {
        for (name, preparer) in sources.named {
            for step in 0...options.steps {
                if step == 0 { notice("warming up: \(name)") }
                var line = try time(preparer, step: step)
                line["source"] = .string(name)
                if step > 0 { try emit(line) }
            }
        }
    }

    private func time(_ preparer: StudyPreparer, step: Int) throws -> JSONObject {
        let work = LoaderWork(preparer: preparer, epoch: step, count: options.studies)
        let clock = ContinuousClock()
        let elapsed = PhaseClock.seconds(
            clock.measure { DispatchQueue.concurrentPerform(iterations: options.threads) { _ in work.run() } })
        let processorSeconds = try work.processorSeconds()
        var line = JSONObject()
        line["step"] = .integer(step)
        line["model"] = .string(options.modelName)
        line["precision"] = .string(precision.rawValue)
        line["threads"] = .integer(options.threads)
        line["studies"] = .integer(options.studies)
        line["seconds"] = .number(elapsed)
        line["processor_seconds"] = .number(processorSeconds)
        line["studies_per_second"] = .number(Double(options.studies) / elapsed)
        line["studies_per_second_per_core"] = .number(Double(options.studies) / processorSeconds)
        line["share_of_fastest_step"] = .number(processorSeconds / Double(options.studies) / (operations / peak))
        line["step_gflop_per_study"] = .number(operations * 1e-9)
        line["gemm_peak_gflops_per_core"] = .number(peak * 1e-9)
        return line
    }
}

/// What a step costs at least.
enum StepWork {
    /// The floating-point operations of a study's products with weights that no step of a model can do without: forward and
    /// the gradient of the input, without adapters, attention and weight gradients. 155 of the 172 GFLOP that a step of
    /// `alta-base` has with 84 tokens.
    static func fewestOperations(_ config: ModelConfig, tokens: Double) -> Double {
        func blocks(_ rows: Double, depth: Int, width: Int, inner: Int) -> Double {
            rows * Double(depth) * Double(width) * Double(4 * width + 2 * inner)
        }
        let vision = blocks(
            Double(config.stage.views.count * (config.kept + 1)), depth: config.visionDepth, width: config.width,
            inner: 4 * config.width)
        let decoder = blocks(
            Double(config.patches), depth: config.decoderDepth, width: config.decoderWidth,
            inner: 4 * config.decoderWidth)
        // The report runs intact and masked; half of its tokens are predicted.
        let text = blocks(2 * tokens, depth: config.textDepth, width: config.textWidth, inner: config.textIntermediate)
        let predictions = tokens / 2 * Double(config.textWidth * config.vocabulary)
        return 2 * 2 * (vision + decoder + text + predictions)
    }
}
