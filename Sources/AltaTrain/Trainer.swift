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
    /// Writes for all; other ranks have none.
    let saver: CheckpointSaver?
    let completed: (_ step: Int, _ weights: ModelWeights) throws -> Void

    /// Collective. Opens the run that the configuration describes and trains it to its end, or until a signal that the
    /// process watches (`StopSignal`) has come to any rank: then the run stops after the step at hand, or in the midst of a
    /// validation, with a checkpoint.
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
    ///   - observe: is called at every stage of every checkpoint, by the thread that writes it.
    ///   - completed: is called on every rank after every step (from 1), with what the rank then has.
    @discardableResult package static func train(
        _ requested: RunConfig, context joined: RankContext, isTerminal: Bool, deal: StudyDeal?,
        observe: @escaping CheckpointObserver = { _, _ in },
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
        let saver =
            context.isFirst ? CheckpointSaver.make(run, observe: observe, progress: context.clock.progressNote) : nil
        defer { saver?.end() }
        let end = try Trainer(
            run: run, context: context, listener: listener, saver: saver, completed: completed
        ).loop()
        try run.step.reducer.free()
        return end
    }

    private func loop() throws -> TrainingEnd {
        var plan = run.plan
        let update = TrainingUpdate(step: run.step, optimizer: run.optimizer, context: context)
        let schedule = Schedule(run.config)
        var skips = SkippedSteps(run.config.onNotFinite)
        if let signal = try validateWhatWasMissed() {
            return try stop(after: run.completedSteps, by: signal, isSaved: true)
        }
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
            try tellSaves()
            try completed(index + 1, run.weights)
            let signal = report == nil ? try context.stopSignal() : report?.stopSignal
            let isStopping = signal != nil && index + 1 < run.totalSteps
            let saves = skips.writesCheckpoint(
                isDue: run.isCheckpointDue(after: index + 1), isLast: isStopping || index + 1 == run.totalSteps)
            // What one rank has is written for all.
            if saves || run.isComparisonDue(after: index + 1) { try compareWeights(step: index + 1) }
            if saves { save(step: index + 1) }
            if isStopping, let signal { return try stop(after: index + 1, by: signal, isSaved: true) }
            if run.isEpochEnd(after: index + 1),
                let signal = try validate(step: index + 1, canBeBest: saves || report != nil)
            {
                return try stop(after: index + 1, by: signal, isSaved: saves)
            }
        }
        try finishSaves(last: max(run.completedSteps, run.totalSteps))
        try listener.ended(
            step: max(run.completedSteps, run.totalSteps), totalMemoryBytes: try context.totalMemoryBytes())
        return .done
    }

    /// Collective. Leaves the run after a step, with a checkpoint of it.
    private func stop(after step: Int, by signal: Int32, isSaved: Bool) throws -> TrainingEnd {
        if !isSaved {
            try compareWeights(step: step)
            save(step: step)
        }
        try finishSaves(last: step)
        try listener.stopped(step: step, signal: signal)
        return .stopped(step: step)
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

    /// Collective. An epoch's validation that a stop or a kill came before: its checkpoint is there, its line is not, or what
    /// follows from it is not.
    ///
    /// - Returns: as `validate`.
    private func validateWhatWasMissed() throws -> Int32? {
        let step = run.completedSteps
        guard run.validation != nil, run.isGoingOnHere, step > 0, run.isEpochEnd(after: step) else { return nil }
        // One rank reads the log.
        let isKnown = try context.agree {
            context.isFirst
                ? try StepLog.hasValidation(of: step, best: saver?.bestStep, in: run.folder.logPath) : false
        }
        let facts = try context.collectives.broadcast([Int32(isKnown ? 1 : 0)], from: 0)
        return facts[0] == 0 ? try validate(step: step, canBeBest: true) : nil
    }

    /// Collective. The stage's validation, where the run has one; a study that cannot be read is told of and does not end
    /// the run. Where it is the best so far, there is a checkpoint of its step.
    ///
    /// - Parameter canBeBest: whether there may be one; after a step that was skipped there may not.
    /// - Returns: the signal that it was left for; nil: none came.
    private func validate(step: Int, canBeBest: Bool) throws -> Int32? {
        guard let validation = run.makeValidation(context) else { return nil }
        let report: ValidationReport
        do { report = try validation.report() } catch let asked as StopAsked { return asked.signal } catch let failure
            as AgreedFailure
        {
            try listener.couldNotValidate(failure.error, step: step)
            return nil
        }
        // One rank knows what is on the disk.
        let choice = saver.map { [canBeBest && $0.isBest(report.score), $0.hasSaved(step: step)] } ?? []
        let facts = try context.collectives.broadcast(choice.map { Int32($0 ? 1 : 0) }, from: 0)
        let (isBest, isSaved) = (facts[0] == 1, facts[1] == 1)
        try listener.validated(report.members + [("best", .bool(isBest))], step: step)
        guard isBest else { return nil }
        if !isSaved {
            try compareWeights(step: step)
            save(step: step)
        }
        saver?.nameBest(report.score, step: step)
        return nil
    }

    /// Saves a checkpoint, which is written while training goes on.
    private func save(step: Int) {
        context.clock.current = "checkpoint"
        saver?.save(step: step, weights: run.weights, optimizer: run.optimizer, engine: context.engine)
    }

    /// Tells what became of checkpoints since it was last asked. One that cannot be written is told of and does not end the
    /// run, but for the last one.
    ///
    /// - Parameter last: the step of the last one; nil: training goes on.
    private func tellSaves(last: Int? = nil) throws {
        for outcome in saver?.outcomes() ?? [] {
            switch outcome {
            case .written(let checkpoint): try listener.saved(checkpoint)
            case .failed(let step, let error) where step == last: throw error
            case .failed(let step, let error), .notNamed(let step, let error):
                try listener.couldNotSave(error, step: step)
            }
        }
    }

    /// Collective. Waits for what is being written; the last checkpoint's failure is every rank's.
    private func finishSaves(last step: Int) throws {
        context.clock.current = "checkpoint"
        try context.agree {
            saver?.wait()
            try tellSaves(last: step)
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
