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
        /// Steps before the first that is timed: kernels are made and memory is touched in them.
        public var warmUpSteps = 2
        /// What carries the messages, for the output.
        public var transport = ""
        /// Where the timeline of the last step is written; nil: none is made.
        public var trace: String?
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
        let timeline = options.trace.map { _ in Timeline() }
        var collectives: any Collectives = MeteredCollectives(context.collectives, meter: meter)
        if let timeline { collectives = TracedCollectives(collectives, tell: timeline.add) }
        context.clock.timeline = timeline
        defer { context.clock.timeline = nil }
        let benchmark = StepBenchmark(
            options: options, context: context.with(collectives: collectives), meter: meter, studies: studies)
        try benchmark.run(timeline, emit: emit) { text in if context.isFirst { notice(text) } }
    }

    /// Collective. All steps, from fresh weights to the line of the last.
    private func run(
        _ timeline: Timeline?, emit: (JSONObject) throws -> Void, notice: (String) -> Void
    ) throws {
        notice("making \(options.modelName) with fresh weights")
        let update = try makeUpdate(notice: notice)
        update.step.reducer.timeline = timeline
        try check()
        notice("measuring the peak of matrix products")
        var lines = try StepLines(
            options: options, context: context, studies: studies, peak: peak(),
            keepsBits: context.keepsBits(update.step.model.weights),
            gradientBytes: update.step.ledger.count * (options.isDeterministic ? 8 : 4))
        let plan = studies.plan(step: 0, rankCount: context.collectives.rankCount)
        let share = plan.shares[context.collectives.rank].map(studies.study)
        let count = options.warmUpSteps + options.steps
        for step in 0..<count {
            if step < options.warmUpSteps { notice("warming up: step \(step + 1) of \(options.warmUpSteps)") }
            let timed = try time(update, share, step: step, timeline: step == count - 1 ? timeline : nil)
            let line = try lines.line(of: timed, step: step)
            if step >= options.warmUpSteps, context.isFirst { try emit(line) }
        }
        if let timeline, let trace = options.trace { try timeline.write(trace, context: context) }
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

    /// Collective. One step from a barrier to its end on this rank.
    private func time(
        _ update: TrainingUpdate, _ share: [PreparedStudy], step: Int, timeline: Timeline?
    ) throws -> TimedStep {
        let plan = studies.plan(step: step, rankCount: context.collectives.rankCount)
        try context.collectives.barrier()
        timeline?.begin()
        context.clock.reset()
        context.clock.step = step + 1
        meter.reset()
        let processorSecondsBefore = ProcessorTime.seconds()
        let report = try update(share, plan: plan, rate: 1e-4)
        let processorSeconds = ProcessorTime.seconds() - processorSecondsBefore
        let elapsedSeconds = context.clock.elapsedSeconds
        timeline?.end()
        return TimedStep(
            report: report, elapsedSeconds: elapsedSeconds, processorSeconds: processorSeconds,
            bytesSent: meter.bytesSent)
    }
}
