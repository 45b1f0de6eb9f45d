import AltaCore
import AltaData
import AltaModel

/// A model with a table of studies, opened to be used and not to be trained.
struct OpenedModel {
    let data: TrainingData
    let weights: ModelWeights
    /// What became of each pretrained file.
    let weightReports: [WeightReport]

    /// Opens the weights of a checkpoint, or those that a configuration describes, and `data.validation` (else
    /// `data.train`), of the stage `align`. Collective.
    ///
    /// - Parameter path: a run folder or a step folder; nil: pretrained and freshly initialised weights.
    static func open(
        _ config: RunConfig, checkpoint path: String?, context: RankContext, notice: (String) -> Void
    ) throws -> OpenedModel {
        let path = try path.map { try step(in: $0, context: context, notice: notice) }
        let sources = try context.agree {
            try OpenedModel.sources(config, checkpoint: path, context: context, notice: notice)
        }
        let (data, effective) = (sources.data, sources.config)
        try context.checkSame(
            "data", data.hash + data.vocabularyHash, remedy: "give every host the same CSV and vocabulary")
        let weights = try context.loadWeights(
            data.config, trainable: effective.trainable, adapterInit: effective.adapterInit, directions: .forward,
            source: sources.weights, notice: notice
        ).weights
        try context.agree {
            guard let checkpoint = sources.checkpoint else { return }
            let origin = TrainingOrigin(data: data.hash, vocabulary: data.vocabularyHash, frozen: weights.frozenHash)
            try origin.check(against: checkpoint.origin, ofData: false, file: checkpoint.path)
        }
        return OpenedModel(data: data, weights: weights, weightReports: sources.weights.pretrained.reports)
    }

    /// Collective. The step folder that a run folder's best checkpoint is in, else its newest: one rank looks, for a run
    /// under way may write another one meanwhile.
    private static func step(in path: String, context: RankContext, notice: (String) -> Void) throws -> String {
        let found = try context.agree {
            context.isFirst
                ? try Checkpoint.find(path, .best, progress: context.clock.noteProgress, notice: notice).path : ""
        }
        return try context.collectives.broadcast(found, from: 0)
    }

    /// What a model is made of.
    private struct Sources {
        let config: RunConfig
        let checkpoint: Checkpoint?
        let data: TrainingData
        let weights: LayeredWeights
    }

    private static func sources(
        _ config: RunConfig, checkpoint path: String?, context: RankContext, notice: (String) -> Void
    ) throws -> Sources {
        let progress = context.clock.noteProgress
        let checkpoint = try path.map { try Checkpoint.open($0, progress: progress) }
        guard
            let table = config.validationPath ?? config.trainPath ?? checkpoint?.config.validationPath
                ?? checkpoint?.config.trainPath
        else { throw AltaError("data.validation is not set", remedy: "give the CSV of the studies to evaluate") }
        let merged = merge(config, checkpoint)
        guard merged.stage == .align else { throw notAligned(path) }
        let pretrained = try Pretrained.open(merged, progress: progress, notice: notice)
        let effective = try pretrained.complete(merged, notice: notice)
        let data = try TrainingData.open(effective, studies: table, trains: false, pretrained: pretrained)
        if context.isFirst { try data.preparer.source.checkFilesExist(progress: progress) }
        try context.checkFits(MemoryPlan(config: data.config), training: nil)
        let files = try pretrained.weights(data.config, comparesTied: context.isFirst)
        return Sources(
            config: effective, checkpoint: checkpoint, data: data,
            weights: try LayeredWeights.of(checkpoint, pretrained: files, seed: effective.seed))
    }

    /// The checkpoint's configuration, with the paths that were given anew.
    static func merge(_ config: RunConfig, _ checkpoint: Checkpoint?) -> RunConfig {
        guard var merged = checkpoint?.config else { return config }
        merged.vocabularyPath = config.vocabularyPath ?? merged.vocabularyPath
        merged.pretrainedVision = config.pretrainedVision ?? merged.pretrainedVision
        merged.pretrainedText = config.pretrainedText ?? merged.pretrainedText
        merged.imageRoot = config.imageRoot
        return merged
    }

    private static func notAligned(_ path: String?) -> AltaError {
        AltaError(
            "\(path == nil ? "the configuration" : "the checkpoint") is of the stage pretrain",
            why: "its model puts no report into a joint space, so there is nothing to retrieve",
            remedy: "align it first: alta-worker align with pretrained.vision set to its run folder", file: path)
    }
}
