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

/// What a rank encoded of a table: d = width of the joint space.
struct EncodedStudies {
    /// `[studies, d]`, unit rows.
    let images: [Float]
    /// `[studies, d]`, unit rows.
    let reports: [Float]
    /// A hash of each report's words.
    let reportHashes: [UInt64]
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
    ///
    /// - Throws: `AgreedFailure` where a study cannot be read, or one of its vectors is not finite.
    func evaluate() throws -> RetrievalResult {
        let encoded = try encode()
        try checkFinite(encoded)
        return try Retrieval.evaluate(
            images: encoded.images, texts: encoded.reports, reportHashes: encoded.reportHashes,
            width: model.weights.config.projection, collectives: context.collectives)
    }

    /// Collective. The vectors of every rank-count-th study of the table.
    func encode() throws -> EncodedStudies {
        context.clock.current = "evaluation"
        var images: [Float] = []
        var texts: [Float] = []
        var hashes: [UInt64] = []
        try context.forOwnStudies(of: preparer.source.count, batch: RetrievalRun.batch) { studies in
            images += try encodeImages(studies)
            texts += try encodeReports(studies)
            hashes += try studies.map(reportHash)
        }
        return EncodedStudies(images: images, reports: texts, reportHashes: hashes)
    }

    /// Collective. Names the first study of the table with a vector that is not finite, the same at every rank count.
    private func checkFinite(_ encoded: EncodedStudies) throws {
        let width = model.weights.config.projection
        let shares = context.tableShares(of: preparer.source.count)
        let faults = [encoded.images, encoded.reports].enumerated().compactMap { side, vectors in
            vectors.firstIndex { !$0.isFinite }.map { Int64(2 * shares[context.collectives.rank][$0 / width] + side) }
        }
        let found = try context.collectives.allGather(faults.min() ?? .max)
        guard let least = found.min(), least != .max, let rank = found.firstIndex(of: least) else { return }
        let error = AltaError(
            "the \(least % 2 == 0 ? "study" : "report") vector is not finite",
            why: "the weights or that study's inputs hold a NaN or an infinity",
            remedy: "look at the study's row of the data, or evaluate an earlier checkpoint",
            file: preparer.source.path, row: preparer.source.rowNumber(StudyIndex(Int(least / 2))), rank: rank)
        throw AgreedFailure(error: error, reportingRank: rank)
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

    private func encodeReports(_ studies: [StudyIndex]) throws -> [Float] {
        let tokens = try studies.map(preparer.evaluationTokens)
        return onTape { model.encodeReports(tokens, on: $0) }
    }

    private func onTape(_ body: (Tape) -> Matrix) -> [Float] {
        arena.release(to: .start)
        return body(Tape(engine: context.engine, arena: arena, ledger: nil)).toArray()
    }

    private func reportHash(_ study: StudyIndex) throws -> UInt64 {
        var hash = StableHash()
        for word in try preparer.source.report(study).split(whereSeparator: \.isWhitespace) {
            hash.combine(String(word))
            hash.combine(" ")
        }
        return hash.value
    }
}

extension RetrievalRun {
    /// Collective. Retrieval on a configuration's `data.validation` (else `data.train`) with the weights of a checkpoint.
    ///
    /// - Parameters:
    ///   - path: a run folder or a step folder; nil: pretrained and freshly initialised weights.
    ///   - notice: hears of pretrained weights, on rank 0.
    public static func run(
        _ config: RunConfig, checkpoint path: String?, imageVector: ImageVector, context: RankContext,
        notice: (String) -> Void
    ) throws -> RetrievalResult {
        try open(config, checkpoint: path, imageVector: imageVector, context: context, notice: notice).evaluate()
    }

    /// Collective. Opens the model and the table, alike on every rank.
    static func open(
        _ config: RunConfig, checkpoint path: String?, imageVector: ImageVector, context: RankContext,
        notice: (String) -> Void
    ) throws -> RetrievalRun {
        context.clock.current = "start"
        try context.checkSameConfiguration(config)
        try context.checkSame(
            "arguments", "\(path ?? "no checkpoint") \(imageVector.rawValue)",
            remedy: "start every rank with the same --checkpoint and --image")
        let opened = try OpenedModel.open(config, checkpoint: path, context: context) { text in
            if context.isFirst { notice(text) }
        }
        if context.isFirst { opened.weightReports.flatMap { $0.lines() }.forEach(notice) }
        return RetrievalRun(
            model: AltaModel.make(weights: opened.weights, dropoutRate: 0), preparer: opened.data.preparer,
            context: context, arena: Arena(), imageVector: imageVector)
    }
}
