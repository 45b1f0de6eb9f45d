import AltaCore
import AltaEvaluate
import AltaModel
import AltaPlacement

/// What a run finds out on held-out studies at an epoch's end.
protocol Validation {
    /// Collective. What was found, the same on every rank and at any rank count.
    ///
    /// - Throws: `AgreedFailure` where a study cannot be read, `StopAsked` where a signal came meanwhile.
    func report() throws -> ValidationReport
}

/// A signal asks the run to stop: thrown on every rank alike.
struct StopAsked: Error {
    /// Its number.
    let signal: Int32
}

/// What a validation found.
struct ValidationReport {
    /// What the log's `validation` event says.
    let members: [(String, JSONValue)]
    /// The number that tells which checkpoint is the best.
    let score: ValidationScore
}

extension RetrievalRun: Validation {
    func report() throws -> ValidationReport {
        let result = try evaluate()
        let score = ValidationScore(metric: "mean_recall", value: result.meanRecall, isLargerBetter: true)
        return ValidationReport(members: result.members + [(score.metric, .number(score.value))], score: score)
    }
}

extension RetrievalResult {
    /// The mean of recall@1, 5 and 10 of both directions.
    var meanRecall: Double {
        [imageToText, textToImage].reduce(0) { $0 + $1.recall1 + $1.recall5 + $1.recall10 } / 6
    }
}

extension TrainingRun {
    /// The stage's validation on `data.validation`; nil: the run has none.
    func makeValidation(_ context: RankContext) -> (any Validation)? {
        guard let preparer = validation else { return nil }
        switch config.stage {
        case .align:
            return RetrievalRun(
                model: AltaModel.make(weights: weights, dropoutRate: 0), preparer: preparer, context: context,
                arena: step.activations, imageVector: .study)
        case .pretrain:
            return LossRun(
                model: weights.model(dropoutRate: 0), preparer: preparer, context: context, arena: step.activations,
                batch: step.microBatch)
        }
    }
}

extension RankContext {
    /// For each rank the studies of a table of `count` that it takes where no plan deals them: every rank-count-th.
    func tableShares(of count: Int) -> [[Int]] {
        (0..<collectives.rankCount).map { Array(stride(from: $0, to: count, by: collectives.rankCount)) }
    }

    /// Collective. The signal that asks some rank to save and stop, the same on every rank; nil: none came to any.
    func stopSignal() throws -> Int32? {
        let signal = try collectives.allReduce(StopSignal.pending?.number ?? 0, .maximum)
        return signal == 0 ? nil : signal
    }

    /// Collective. Each rank takes its share of a table of `count` studies, `batch` at a time.
    ///
    /// Every rank takes part in every round, so that a fault of one is told by all at once.
    ///
    /// - Throws: `AgreedFailure`; `StopAsked` where a signal that the process watches came to any rank.
    func forOwnStudies(of count: Int, batch: Int, _ body: ([StudyIndex]) throws -> Void) throws {
        let shares = tableShares(of: count)
        let own = shares[collectives.rank].map { StudyIndex($0) }
        // The first rank has the most studies.
        for start in stride(from: 0, to: shares[0].count, by: batch) {
            if let signal = try stopSignal() { throw StopAsked(signal: signal) }
            try agree {
                let studies = Array(own.dropFirst(start).prefix(batch))
                if !studies.isEmpty { try body(studies) }
            }
        }
    }
}
