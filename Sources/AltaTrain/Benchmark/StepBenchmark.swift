import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaModel
import AltaPlacement
import AltaTensor

/// Times whole training steps, as training takes them, on studies made of noise.
public struct StepBenchmark {
    /// What is timed.
    public struct Options: Sendable {
        /// The shape of the model.
        public var model = ModelConfig.published(.align)
        /// Its name in the output.
        public var modelName = "alta-base"
        /// Studies in a step, over all ranks.
        public var studies = 8
        /// Tokens of a report on average.
        public var meanTokens = 84
        /// Steps that are timed, after `warmUpSteps`.
        public var steps = 5
        /// What trains.
        public var trainable = TrainableSet.adapters
        /// The arithmetic; what it came to is in the output.
        public var precision = Precision.auto
        /// Of the weights and the studies.
        public var seed: UInt64 = 1
        /// Studies in flight on a rank; 0: its whole share.
        public var microBatch = 0
        /// Sums that do not depend on their order; nil: where only adapters train, as in a run.
        public var deterministic: Bool?
        /// How absent radiographs are encoded.
        public var absentViews = AbsentViews.each

        /// `alta-base` with 8 studies.
        public init() {}

        var isDeterministic: Bool { deterministic ?? (trainable == .adapters) }
    }

    /// Steps before the first that is timed: kernels are made and memory is touched in them.
    public static let warmUpSteps = 2

    let options: Options
    let context: RankContext
    /// Counts what `context` sends.
    let meter: ByteMeter
    let studies: SyntheticStudies

    /// Collective. Builds a model with fresh weights, checks the engine, takes the steps and reports each.
    ///
    /// - Parameters:
    ///   - notice: hears what is going on; called on rank 0.
    ///   - emit: takes a step's line; called on rank 0.
    /// - Throws: where the options do not fit the model, the engine computes wrongly, or a step fails.
    public static func run(
        _ requested: Options, context joined: RankContext, notice: (String) -> Void,
        emit: (JSONObject) throws -> Void
    ) throws {
        var options = requested
        options.precision = try joined.resolve(requested.precision, notice: notice)
        let context = try joined.agree { try joined.computing(in: options.precision) }
        let studies = try context.agree {
            try SyntheticStudies.make(
                config: options.model, count: options.studies, meanTokens: options.meanTokens, seed: options.seed)
        }
        let meter = ByteMeter()
        let metered = context.with(collectives: MeteredCollectives(context.collectives, meter: meter))
        let benchmark = StepBenchmark(options: options, context: metered, meter: meter, studies: studies)
        func tell(_ text: String) { if context.isFirst { notice(text) } }
        tell("making \(options.modelName) with fresh weights")
        let update = try benchmark.makeUpdate(notice: tell)
        try benchmark.check()
        tell("measuring the peak of matrix products")
        let peak = try benchmark.peak()
        let plan = studies.plan(step: 0, rankCount: context.collectives.rankCount)
        let share = plan.shares[context.collectives.rank].map(studies.study)
        for step in 0..<(warmUpSteps + options.steps) {
            if step < warmUpSteps { tell("warming up: step \(step + 1) of \(warmUpSteps)") }
            let line = try benchmark.time(update, share, step: step, peak: peak)
            if step >= warmUpSteps, context.isFirst { try emit(line) }
        }
        try update.step.reducer.free()
    }

    private func makeUpdate(notice: (String) -> Void) throws -> TrainingUpdate {
        let weights = try context.loadWeights(
            options.model, trainable: options.trainable, source: RandomWeights(seed: options.seed),
            notice: notice
        ).weights
        let reducer = try GradientReducer.make(
            sum: options.isDeterministic ? .orderFree : .floating, model: options.model,
            trainable: options.trainable, globalBatch: options.studies, context: context, notice: notice)
        let share = (options.studies + context.collectives.rankCount - 1) / context.collectives.rankCount
        let step = TrainStep.make(
            weights: weights, dropout: TextDropoutRates(options.model.dropout), reducer: reducer,
            microBatch: options.microBatch > 0 ? options.microBatch : max(share, 1),
            sharedViews: .make(
                options.absentViews, weights: weights, seed: options.seed, globalBatch: options.studies,
                context: context),
            context: context)
        return TrainingUpdate(
            step: step, optimizer: Optimizer.make(weights: weights, constants: AdamWConstants()), context: context)
    }

    /// Nothing is timed that computes wrongly.
    private func check() throws {
        try context.agree {
            let error = context.engine.productError()
            guard error < context.engine.productTolerance else {
                throw AltaError(
                    "matrix products are wrong",
                    why: "they differ from a plain loop's by \(error) of its largest value",
                    remedy: "check the installed libdnnl")
            }
        }
    }

    /// Collective. The peak of all ranks together, measured at the same time on all of them.
    private func peak() throws -> Double {
        try context.collectives.barrier()
        let own = ProductPeak.of(options.model).measure(context.engine)
        return try context.collectives.allReduce(own, .sum)
    }

    private func time(
        _ update: TrainingUpdate, _ share: [PreparedStudy], step: Int, peak: Double
    ) throws -> JSONObject {
        let plan = studies.plan(step: step, rankCount: context.collectives.rankCount)
        try context.collectives.barrier()
        context.clock.reset()
        context.clock.step = step + 1
        meter.reset()
        let processorSecondsBefore = ProcessorTime.seconds()
        let report = try update(share, plan: plan, rate: 1e-4)
        let processorSeconds = ProcessorTime.seconds() - processorSecondsBefore
        let (elapsedSeconds, bytesSent) = (context.clock.elapsedSeconds, meter.bytesSent)
        var line = JSONObject()
        line["step"] = .integer(step + 1 - StepBenchmark.warmUpSteps)
        describe(&line)
        for (key, value) in try slowest(elapsedSeconds, report) { line[key] = value }
        let seconds = try context.collectives.allReduce(elapsedSeconds, .maximum)
        line["processor_seconds"] = .number(try context.collectives.allReduce(processorSeconds, .sum))
        line["gflop"] = .number(report.gflop)
        line["gflops"] = .number(report.gflop / seconds)
        line["gemm_peak_gflops"] = .number(peak)
        line["peak_share"] = .number(report.gflop / seconds / peak)
        let memory = try context.agree { try ProcessMemory.peakResidentBytes() }
        line["peak_memory_bytes"] = .integer(Int(try context.collectives.allReduce(Int64(memory), .maximum)))
        line["bytes_sent"] = .integer(Int(try context.collectives.allReduce(Int64(bytesSent), .maximum)))
        line["loss"] = .number(report.losses.total)
        return line
    }

    private func describe(_ line: inout JSONObject) {
        line["model"] = .string(options.modelName)
        line["precision"] = .string(options.precision.rawValue)
        line["ranks"] = .integer(context.collectives.rankCount)
        line["threads"] = .integer(context.engine.threads)
        line["studies"] = .integer(options.studies)
        line["deterministic"] = .bool(options.isDeterministic)
        line["absent_views"] = .string(options.absentViews.rawValue)
    }

    /// Collective. The time of the slowest rank's step, with that rank's phases.
    private func slowest(_ elapsedSeconds: Double, _ report: StepReport) throws -> [(String, JSONValue)] {
        let own = [elapsedSeconds, report.secondsWaited] + Phase.allCases.map { report.seconds[$0] ?? 0 }
        let all: [[Double]] = try context.collectives.allGather(own)
        guard let slowest = all.max(by: { $0[0] < $1[0] }) else { return [] }
        return [
            ("seconds_per_step", .number(slowest[0])),
            ("communication_wait", .number(slowest[1])),
            ("studies_per_second", .number(Double(options.studies) / slowest[0])),
            (
                "seconds",
                .object(members: zip(Phase.allCases, slowest.dropFirst(2)).map { ($0.rawValue, .number($1)) })
            ),
        ]
    }
}
