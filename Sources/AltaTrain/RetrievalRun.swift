import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaEvaluate
import AltaModel
import AltaTensor

/// What stands for a study's images in retrieval.
public enum ImageVector: String, CaseIterable, Sendable {
    /// Its current frontal radiograph alone, as the published evaluation has it. A model that never saw a study of one
    /// view in training (absent views count in the mean) may do badly here until its backbone was pretrained.
    case frontal
    /// The mean of its four views, as in training.
    case study
}

/// Retrieval over a table: every radiograph looks for its report, and every report for its radiograph.
public struct RetrievalRun {
    let model: AltaModel
    let preparer: StudyPreparer
    let context: RankContext
    let arena: Arena
    let imageVector: ImageVector

    /// Studies that are encoded at once; it changes nothing but memory.
    static let batch = 16

    /// Collective. Each rank encodes every rank-count-th study, all are ranked against all.
    ///
    /// Studies with equal reports (but for white space) count as matches of each other.
    func evaluate() throws -> RetrievalResult {
        context.clock.current = "evaluation"
        var images: [Float] = []
        var texts: [Float] = []
        var hashes: [UInt64] = []
        try context.forOwnStudies(of: preparer.table.count, batch: RetrievalRun.batch) { studies in
            images += try encodeImages(studies)
            texts += encodeReports(studies)
            hashes += studies.map(reportHash)
        }
        return try Retrieval.evaluate(
            images: images, texts: texts, reportHashes: hashes, width: model.weights.config.projection,
            collectives: context.collectives)
    }

    private func encodeImages(_ studies: [StudyIndex]) throws -> [Float] {
        switch imageVector {
        case .frontal:
            let images = try studies.map(preparer.evaluationImage)
            return onTape { model.encodeFrontal(images, on: $0) }
        case .study:
            let views = try studies.map(preparer.evaluationViews)
            return onTape { model.encodeStudies(views, on: $0) }
        }
    }

    private func encodeReports(_ studies: [StudyIndex]) -> [Float] {
        onTape { model.encodeReports(studies.map(preparer.evaluationTokens), on: $0) }
    }

    private func onTape(_ body: (Tape) -> Matrix) -> [Float] {
        arena.release(to: .start)
        return body(Tape(engine: context.engine, arena: arena, ledger: nil)).toArray()
    }

    private func reportHash(_ study: StudyIndex) -> UInt64 {
        var hash = StableHash()
        for word in preparer.table.study(study).report.split(whereSeparator: \.isWhitespace) {
            hash.combine(String(word))
            hash.combine(" ")
        }
        return hash.value
    }
}

extension RetrievalRun {
    /// Collective. Retrieval on a configuration's `data.validation` (else `data.train`) with the weights of a checkpoint.
    ///
    /// - Parameter checkpoint: a run folder or a step folder; nil: freshly initialised weights.
    public static func run(
        _ config: RunConfig, checkpoint path: String?, imageVector: ImageVector, context: RankContext
    ) throws -> RetrievalResult {
        context.clock.current = "start"
        try context.checkSameConfiguration(config)
        try context.checkSame(
            "arguments", "\(path ?? "no checkpoint") \(imageVector.rawValue)",
            remedy: "start every rank with the same --checkpoint and --image")
        let run = try context.agree {
            let checkpoint = try path.map { try Checkpoint.find($0) { _ in } }
            guard
                let table = config.validationPath ?? config.trainPath ?? checkpoint?.config.validationPath
                    ?? checkpoint?.config.trainPath
            else {
                throw AltaError("data.validation is not set", remedy: "give the CSV of the studies to evaluate")
            }
            var effective = checkpoint?.config ?? config
            effective.vocabularyPath = config.vocabularyPath ?? effective.vocabularyPath
            effective.imageRoot = config.imageRoot
            guard effective.stage == .align else { throw notAligned(path) }
            let data = try TrainingData.open(effective, csvPath: table)
            if context.isFirst { try data.preparer.table.checkFilesExist() }
            try context.checkFits(MemoryPlan(config: data.config), training: nil)
            let weights = try ModelWeights.make(
                config: data.config, trainable: effective.trainable, adapterInit: effective.adapterInit,
                source: try LayeredWeights.of(checkpoint, seed: effective.seed), engine: context.engine)
            if let checkpoint {
                let origin = TrainingOrigin(
                    data: data.hash, vocabulary: data.vocabularyHash, frozen: weights.frozenHash())
                try origin.check(against: checkpoint.origin, ofData: false, file: checkpoint.path)
            }
            return RetrievalRun(
                model: AltaModel.make(weights: weights, dropoutRate: 0), preparer: data.preparer, context: context,
                arena: Arena(), imageVector: imageVector)
        }
        return try run.evaluate()
    }

    private static func notAligned(_ path: String?) -> AltaError {
        AltaError(
            "\(path == nil ? "the configuration" : "the checkpoint") is of the stage pretrain",
            why: "its model puts no report into a joint space, so there is nothing to retrieve",
            remedy: "align it first: alta-worker align with pretrained.vision set to its run folder", file: path)
    }
}
