import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaFormats
import AltaModel
import AltaTensor

/// A run, ready to take its first step: everything that start-up assembled.
struct TrainingRun {
    let config: RunConfig
    let data: TrainingData
    /// Prepares the studies of `data.validation`; nil: there is none.
    let validation: StudyPreparer?
    let plan: BatchPlan
    let weights: ModelWeights
    let optimizer: Optimizer
    let step: TrainStep
    let folder: RunFolder
    let origin: TrainingOrigin
    /// What decides the bits of this rank's products.
    let kernels: String
    /// What became of each pretrained file.
    let weightReports: [WeightReport]
    /// Steps that were completed before.
    let completedSteps: Int
    /// Whether those are steps of this folder, and not of another run's.
    let isGoingOnHere: Bool
    /// Steps when the run is done.
    let totalSteps: Int

    /// Collective. Opens the data, the weights and the run folder, from a checkpoint where there is one.
    ///
    /// - Parameters:
    ///   - requested: the same on every rank, its precision that of the context's engine.
    ///   - deal: who computes which studies; nil: by cost.
    /// - Throws: `AgreedFailure` on every rank for whatever one of them found at fault.
    static func start(
        _ requested: RunConfig, context: RankContext, deal: StudyDeal? = nil, notice: (String) -> Void
    ) throws -> TrainingRun {
        func tell(_ text: String) { if context.isFirst { notice(text) } }
        let pretrained = try context.agree {
            try Pretrained.open(requested, progress: context.clock.noteProgress, notice: tell)
        }
        var config = try context.agree { try pretrained.complete(requested, notice: tell) }
        let data = try context.agree { try openTrainingData(config, pretrained, context: context) }
        config.model = data.config
        try context.checkSame(
            "data", data.hash + data.vocabularyHash, remedy: "give every host the same CSV and vocabulary")
        let validation = try context.agree {
            try config.validationPath.map { try openValidation(config, $0, data, context: context) }
        }
        try context.checkSame(
            "validation data", validation?.source.contentHash ?? "none", remedy: "give every host the same CSV")
        let plan = try context.agree {
            try BatchPlan(
                costs: data.costs, globalBatch: config.globalBatch, seed: config.seed,
                rankCount: context.collectives.rankCount, deal: deal)
        }
        if context.isFirst { config.batchNotices(studies: data.costs.count).forEach(notice) }
        let folder = try context.agree { try openFolder(config, context: context) }
        let checkpoint = try Checkpoint.toResume(config, folder: folder, context: context, notice: notice)
        try context.checkSame(
            "checkpoints", checkpoint.map { "\($0.step)" } ?? "none",
            remedy: "put `output` on a file system that all hosts share")
        if let checkpoint { context.compareKernels(with: checkpoint, config, notice: notice) }
        return try load(
            config, data, validation, plan, folder, checkpoint, pretrained, context: context, notice: notice)
    }

    /// Collective. The weights and the memory of their gradients, then the rest.
    private static func load(
        _ config: RunConfig, _ data: TrainingData, _ validation: StudyPreparer?, _ plan: BatchPlan, _ folder: RunFolder,
        _ checkpoint: Checkpoint?, _ pretrained: Pretrained, context: RankContext, notice: (String) -> Void
    ) throws -> TrainingRun {
        let files = try context.agree {
            try context.checkFits(MemoryPlan(config: data.config), training: config)
            let files = try pretrained.weights(data.config, comparesTied: context.isFirst)
            if context.isFirst { try folder.write(config) }
            return (
                reports: files.reports, all: try LayeredWeights.of(checkpoint, pretrained: files, seed: config.seed)
            )
        }
        let loaded = try context.loadWeights(
            data.config, trainable: config.trainable, adapterInit: config.adapterInit, source: files.all, notice: notice
        )
        try context.checkDeterminism(config, weights: loaded.weights, notice: notice)
        let reducer = try GradientReducer.make(
            sum: config.isDeterministic ? .orderFree : .floating, model: data.config, trainable: config.trainable,
            globalBatch: plan.globalBatch, context: context, notice: notice)
        let run = try context.agree {
            try assemble(
                config, data, validation, plan, folder, checkpoint, pretrained, files.reports, loaded, reducer,
                context: context)
        }
        let trained = WeightComparison(
            weights: run.weights, optimizer: run.optimizer, collectives: context.collectives)
        try context.checkSame(
            "weights and moments to go on from", trained.hash,
            remedy: "put `output` on a file system that all hosts share: their checkpoints differ")
        return run
    }

    private static func openTrainingData(
        _ config: RunConfig, _ pretrained: Pretrained, context: RankContext
    ) throws -> TrainingData {
        guard let path = config.trainPath else {
            throw AltaError("data.train is not set", remedy: "give the CSV of the studies to train on, or a pack of it")
        }
        let data = try TrainingData.open(config, studies: path, trains: true, pretrained: pretrained)
        // One rank looks: a million questions to a shared file system are enough once.
        if context.isFirst { try data.preparer.source.checkFilesExist(progress: context.clock.noteProgress) }
        return data
    }

    /// Other studies, read as the training data is.
    private static func openValidation(
        _ config: RunConfig, _ path: String, _ training: TrainingData, context: RankContext
    ) throws -> StudyPreparer {
        let source = try StudySource.open(
            path, imageRoot: config.imageRoot, recipe: training.preparer.source.recipe)
        try source.check(
            imageSize: config.model.imageSize, dicomScaling: config.dicomScaling,
            vocabularyHash: training.vocabularyHash, trains: false)
        if context.isFirst { try source.checkFilesExist(progress: context.clock.noteProgress) }
        return training.preparer.over(source)
    }

    private static func openFolder(_ config: RunConfig, context: RankContext) throws -> RunFolder {
        guard let output = config.output else {
            throw AltaError("output is not set", remedy: "give the folder that the run may write")
        }
        let folder = RunFolder(output)
        if context.isFirst { try folder.create() }
        return folder
    }

    private static func assemble(
        _ config: RunConfig, _ data: TrainingData, _ validation: StudyPreparer?, _ plan: BatchPlan, _ folder: RunFolder,
        _ checkpoint: Checkpoint?, _ pretrained: Pretrained, _ reports: [WeightReport], _ loaded: LoadedWeights,
        _ reducer: GradientReducer, context: RankContext
    ) throws -> TrainingRun {
        let weights = loaded.weights
        // One rank writes checkpoints, and reads the files whole for their hashes.
        let origin = TrainingOrigin(
            data: data.hash, vocabulary: data.vocabularyHash, frozen: weights.frozenHash,
            pretrained: context.isFirst ? try pretrained.contentHashes(progress: context.clock.noteProgress) : [:],
            studies: data.costs.count)
        let optimizer = Optimizer.make(weights: weights, constants: AdamWConstants(config))
        if let checkpoint {
            try origin.check(against: checkpoint.origin, ofData: true, file: checkpoint.path)
            try checkpoint.restore(optimizer, weights: weights)
        }
        return TrainingRun(
            config: config, data: data, validation: validation, plan: plan, weights: weights, optimizer: optimizer,
            step: makeStep(config, loaded, plan, pretrained, reducer, context: context), folder: folder,
            origin: origin, kernels: context.engine.kernelFingerprint,
            weightReports: reports, completedSteps: checkpoint?.step ?? 0,
            isGoingOnHere: checkpoint.map { $0.runFolder.isSame(as: folder) } ?? false,
            totalSteps: min(config.steps ?? Int.max, config.epochs * plan.stepsPerEpoch))
    }

    private static func makeStep(
        _ config: RunConfig, _ loaded: LoadedWeights, _ plan: BatchPlan, _ pretrained: Pretrained,
        _ reducer: GradientReducer, context: RankContext
    ) -> TrainStep {
        let weights = loaded.weights
        let share = (plan.globalBatch + plan.rankCount - 1) / plan.rankCount
        let microBatch =
            config.microBatch > 0
            ? config.microBatch
            : MemoryPlan(config: weights.config).microBatch(
                availableBytes: context.availableBytes, share: share, training: config,
                sharingRanks: loaded.sharingRanks, copies: context.isFirst)
        return TrainStep.make(
            weights: weights, dropout: pretrained.dropout(config), reducer: reducer, microBatch: microBatch,
            sharedViews: .make(
                config.absentViews, weights: weights, seed: config.seed, globalBatch: plan.globalBatch,
                context: context),
            context: context)
    }
}

extension AdamWConstants {
    /// The recipe of a run.
    init(_ config: RunConfig) {
        self.init()
        weightDecay = config.weightDecay
    }
}
