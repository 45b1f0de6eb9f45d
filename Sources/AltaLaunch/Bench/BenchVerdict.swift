import Foundation

/// Whether a job computed what one rank computes, and how that is known.
package struct BenchVerdict: Equatable, Sendable {
    package var isValid: Bool
    /// What was compared, or what differs.
    package var text: String

    /// How far the first step's losses may be apart where the engine does not keep bits: bf16 products of other shapes.
    package static let lossTolerance = 1e-3

    /// Judges the steps of a job.
    ///
    /// - Parameters:
    ///   - rounds: of the job, each with as many steps.
    ///   - oneRank: the steps of one rank over the same global batch in a timed job; empty: there was none.
    ///   - reference: the untimed first step of one rank, where there was no timed job.
    package static func judge(_ run: BenchRun, rounds: [[StepRecord]], oneRank: [StepRecord], reference: StepRecord?)
        -> BenchVerdict
    {
        let records = rounds.flatMap { $0 }
        guard let first = records.first, let standard = oneRank.first ?? reference else {
            return BenchVerdict(isValid: false, text: "there is nothing to compare")
        }
        for record in records + [standard] where !(record.loss.isFinite && record.firstLoss.isFinite) {
            return BenchVerdict(isValid: false, text: "a loss is not finite")
        }
        if let other = records.first(where: {
            ($0.ranks, $0.threads, $0.studies) != (run.ranks, run.threads, run.studies)
        }) {
            return BenchVerdict(
                isValid: false,
                text: "it ran as \(other.ranks) ranks x \(other.threads) threads with \(other.studies) studies")
        }
        guard standard.studies == run.studies else {
            return BenchVerdict(isValid: false, text: "one rank had \(standard.studies) studies")
        }
        let kernels = (records + [standard]).map(\.kernels)
        let keepsBits = (records + [standard]).allSatisfy(\.keepsBits) && kernels.allSatisfy { $0 == first.kernels }
        return keepsBits ? bits(rounds, oneRank, standard) : losses(records, standard)
    }

    private static func bits(_ rounds: [[StepRecord]], _ oneRank: [StepRecord], _ standard: StepRecord) -> BenchVerdict
    {
        for (index, records) in rounds.enumerated() {
            for record in records where record.firstHash != standard.firstHash {
                return BenchVerdict(
                    isValid: false,
                    text: "round \(index + 1): the first step's losses or gradient differ from one rank's "
                        + "(loss \(record.firstLoss), one rank's \(standard.firstLoss))")
            }
            for (step, pair) in zip(records, oneRank).enumerated() where pair.0.resultHash != pair.1.resultHash {
                return BenchVerdict(
                    isValid: false,
                    text: "round \(index + 1), step \(step + 1): losses or gradient differ from one rank's "
                        + "(loss \(pair.0.loss), one rank's \(pair.1.loss))")
            }
        }
        let steps = oneRank.isEmpty ? "first step" : "\(1 + oneRank.count) steps"
        return BenchVerdict(isValid: true, text: "\(steps) equal to one rank's, bit for bit")
    }

    private static func losses(_ records: [StepRecord], _ standard: StepRecord) -> BenchVerdict {
        let apart =
            records.map { abs($0.firstLoss - standard.firstLoss) / max(abs(standard.firstLoss), 1e-12) }.max() ?? 0
        let size = String(format: "%.1e", apart)
        guard apart <= lossTolerance else {
            return BenchVerdict(isValid: false, text: "the first step's loss is \(size) apart from one rank's")
        }
        return BenchVerdict(isValid: true, text: "first step's loss within \(size) of one rank's (bits are not kept)")
    }
}
