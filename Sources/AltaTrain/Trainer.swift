import AltaComm
import AltaCore
import AltaData
import AltaModel

/// How a run came to its end.
public enum TrainingEnd: Equatable, Sendable {
    /// Every step is taken.
    case done
    /// A signal asked for it; the checkpoint of this step is written.
    case stopped(step: Int)
}

/// Takes a run from its first step, or from where it stopped, to its last.
public struct Trainer {
    let run: TrainingRun
    let context: RankContext
    let listener: any TrainingListener
    let completed: (_ step: Int, _ weights: ModelWeights) throws -> Void

    /// Collective. Opens the run that the configuration describes and trains it to its end, or until a signal that the
    /// process watches (`StopSignal`) has come to any rank: then the run stops after the step at hand, with a checkpoint.
    ///
    /// - Parameter isTerminal: whether the progress line is rewritten.
    /// - Returns: how it ended, the same on every rank.
    /// - Throws: `AgreedFailure` for what every rank knows of, `AltaError` for the rest.
    @discardableResult public static func train(_ requested: RunConfig, context: RankContext, isTerminal: Bool) throws
        -> TrainingEnd
    {
        try train(requested, context: context, isTerminal: isTerminal, deal: nil) { _, _ in }
    }

    /// The same for programs that look on.
    ///
    /// - Parameters:
    ///   - deal: another way of sharing out the studies of a step, which leaves the run as it is.
    ///   - completed: is called on every rank after every step (from 1), with what the rank then has.
    @discardableResult package static func train(
        _ requested: RunConfig, context joined: RankContext, isTerminal: Bool, deal: StudyDeal?,
        completed: @escaping (_ step: Int, _ weights: ModelWeights) throws -> Void
    ) throws -> TrainingEnd {
        joined.clock.current = "start"
        let notices = NoticeBoard()
        try joined.checkSameConfiguration(requested)
        var config = requested
        config.precision = try joined.resolve(requested.precision) { notices.add($0) }
        let context = try joined.agree { try joined.computing(in: config.precision) }
        let run = try TrainingRun.start(config, context: context, deal: deal) { notices.add($0) }
        let placement = try context.placement()
        let listener: any TrainingListener = try context.agree {
            guard context.isFirst else { return SilentListener() }
            return try RunRecorder.open(run, notices: notices.texts, placement: placement, isTerminal: isTerminal)
        }
        let end = try Trainer(run: run, context: context, listener: listener, completed: completed).loop()
        try run.step.reducer.free()
        return end
    }

    private func loop() throws -> TrainingEnd {
        var plan = run.plan
        let update = TrainingUpdate(step: run.step, optimizer: run.optimizer, context: context)
        let schedule = Schedule(run.config)
        var skips = SkippedSteps(run.config.onNotFinite)
        let stream = run.stream(rank: context.collectives.rank)
        defer { stream.cancel() }
        for index in run.completedSteps..<max(run.completedSteps, run.totalSteps) {
            context.clock.reset()
            context.clock.step = index + 1
            let step = plan.step(index)
            let studies = try nextShare(stream)
            let rate = schedule.rate(epoch: step.fractionalEpoch)
            let report = try attempt(step, &skips) { try update(studies, plan: step, rate: rate) }
            context.clock.completedSteps += 1
            if let report { try listener.completed(report) }
            try completed(index + 1, run.weights)
            let isStopping = report?.stopSignal != nil && index + 1 < run.totalSteps
            let saves = skips.writesCheckpoint(
                isDue: run.isCheckpointDue(after: index + 1), isLast: isStopping || index + 1 == run.totalSteps)
            // What one rank has is written for all.
            if saves || run.isComparisonDue(after: index + 1) { try compareWeights(step: index + 1) }
            if saves { try save(step: index + 1) }
            if isStopping, let signal = report?.stopSignal {
                try listener.stopped(step: index + 1, signal: signal)
                return .stopped(step: index + 1)
            }
            if run.isEpochEnd(after: index + 1) { try validate(step: index + 1) }
        }
        try listener.ended(
            step: max(run.completedSteps, run.totalSteps), totalMemoryBytes: try context.totalMemoryBytes())
        return .done
    }

    /// Collective. The next step's studies; where a rank could not prepare its own, every rank fails alike.
    private func nextShare(_ stream: BatchStream) throws -> [PreparedStudy] {
        let own = context.clock.measure(.data) { stream.next() }
        let before = context.clock.elapsedSeconds
        defer { context.clock.noteWait(context.clock.elapsedSeconds - before) }
        return try context.clock.measure(.communication) { try context.agree { try own.get() } }
    }

    /// Collective. What a step reports; nil where it was skipped, on every rank alike.
    private func attempt(
        _ plan: StepPlan, _ skips: inout SkippedSteps, _ update: () throws -> StepReport
    ) throws -> StepReport? {
        do {
            let report = try update()
            skips.taken()
            return report
        } catch let failure as AgreedFailure {
            let located = failure.located(plan, in: run.data.preparer.source)
            try listener.skipped(try skips.skip(located, step: plan.step + 1), plan: plan)
            return nil
        }
    }

    /// Collective. Holds what the ranks trained against each other.
    private func compareWeights(step: Int) throws {
        context.clock.current = "comparison"
        try WeightComparison(weights: run.weights, optimizer: run.optimizer, collectives: context.collectives)
            .check(step: step)
    }

    /// Collective. The stage's validation, where the run has one; a study that cannot be read is told of and does not end
    /// the run.
    private func validate(step: Int) throws {
        guard let validation = run.makeValidation(context) else { return }
        do {
            try listener.validated(try validation.members(), step: step)
        } catch let failure as AgreedFailure {
            try listener.couldNotValidate(failure.error, step: step)
        }
    }

    /// A checkpoint that cannot be written is told of and does not end the run, but for the last one.
    private func save(step: Int) throws {
        context.clock.current = "checkpoint"
        guard context.isFirst else { return }
        let writer = CheckpointWriter(folder: run.folder, config: run.config, origin: run.origin, kernels: run.kernels)
        do {
            try writer.write(step: step, weights: run.weights, optimizer: run.optimizer)
            try listener.saved(run.folder.checkpointPath(step: step), step: step)
        } catch let error as AltaError where step < run.totalSteps {
            try listener.couldNotSave(error, step: step)
        }
    }
}

extension TrainingRun {
    /// The studies of this rank for every step to come, one step ahead.
    func stream(rank: Int) -> BatchStream {
        let preparer = data.preparer
        let plan = plan
        return BatchStream.start(steps: completedSteps..<max(completedSteps, totalSteps)) { index in
            var plan = plan
            let step = plan.step(index)
            let studies = step.shares[rank].map { step.studies[$0] }
            preparer.source.readAhead(studies)
            return try studies.map { try preparer.prepare($0, epoch: step.epoch) }
        }
    }

    /// Whether an epoch, or the run, is complete after a step.
    func isEpochEnd(after step: Int) -> Bool { step == totalSteps || step % plan.stepsPerEpoch == 0 }

    /// After every `compare_weights_every` steps.
    func isComparisonDue(after step: Int) -> Bool { step % config.compareWeightsEvery == 0 }

    /// After every `checkpoint_every` steps (an epoch, where it is not set) and at the end.
    func isCheckpointDue(after step: Int) -> Bool {
        step == totalSteps || step % (config.checkpointEvery ?? plan.stepsPerEpoch) == 0
    }
}
