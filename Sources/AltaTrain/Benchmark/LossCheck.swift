import AltaComm
import AltaCore
import AltaObjective
import AltaTensor

/// Nothing is timed that computes wrongly: both losses and all their gradients against `NaiveContrastive`, on small batches
/// that the ranks of the job share as they share the timed one.
struct LossCheck {
    /// How far losses and gradients may be off: of the larger of the loss and the largest logit (losses cancel), and of the
    /// norm of each kind of gradient.
    struct Tolerance {
        let loss: Double
        let gradient: Double
    }

    /// Some ten roundings of 6e-8, amplified by logits of about 100.
    static let fullTolerance = Tolerance(loss: 1e-5, gradient: 2e-4)
    /// The similarities, and so the losses, are fp32 in bf16 runs too. The gradient's five products read bf16: ten operands,
    /// each rounded by 2^-9 at most, where no error cancels another.
    static let halfTolerance = Tolerance(loss: 1e-5, gradient: 2e-2)

    let options: LossBenchmark.Options
    let context: RankContext
    let objective: LossBenchmark.Objective

    /// Collective. The largest relative error of all losses and gradients.
    ///
    /// - Throws: `AgreedFailure` naming what is past its tolerance.
    func run() throws -> Double {
        try batches().map(check).max() ?? 0
    }

    /// One batch of several tiles of reports, small ones; one of the sizes that are timed, or the published ones where they
    /// are smaller. Reports of unequal lengths, one of them a word long; a number of studies that the ranks do not divide.
    private func batches() -> [EmbeddingBatch] {
        func batch(studies: Int, patches: Int, meanWords: Int) -> EmbeddingBatch {
            let count =
                context.collectives.rankCount > 1 && studies % context.collectives.rankCount == 0
                ? studies + 1 : studies
            var wordCounts = SyntheticEmbeddings.wordCounts(count, mean: meanWords, seed: options.seed)
            wordCounts[count / 2] = 1
            return EmbeddingBatch.random(
                seed: options.seed, width: LossBenchmark.width, patches: patches, wordCounts: wordCounts,
                spread: LossBenchmark.spread)
        }
        return [
            batch(studies: 19, patches: 13, meanWords: 9),
            batch(studies: 3, patches: min(options.patches, 196), meanWords: min(options.meanWords, 60)),
        ]
    }

    private func check(_ batch: EmbeddingBatch) throws -> Double {
        let engine = try context.agree { try LossBenchmark.engine(options, context) }
        let (collectives, arena) = (context.collectives, Arena(chunkBytes: 1 << 20))
        let positions = LossBenchmark.positions(batch.count, collectives)
        let result = try objective(
            batch.share(positions, arena: arena), batch.scales, engine, arena, collectives)
        let naive = NaiveContrastive(batch)
        let losses = lossErrors(result, naive)
        let gradients = try withExtendedLifetime(arena) {
            try gradientErrors(result, naive.gradient(), positions, batch)
        }
        let tolerance = options.precision == .bf16 ? LossCheck.halfTolerance : LossCheck.fullTolerance
        try judge(losses, tolerance.loss, "of the larger of the loss and the largest logit")
        try judge(gradients, tolerance.gradient, "of its norm")
        return (losses + gradients).map(\.error).max() ?? 0
    }

    private typealias Finding = (name: String, error: Double)

    private func lossErrors(_ result: ContrastiveResult, _ naive: NaiveContrastive) -> [Finding] {
        [
            ("global contrastive loss", result.globalLoss, naive.globalLogits),
            ("local contrastive loss", result.localLoss, naive.localLogits),
        ].map { name, found, logits in
            let expected = NaiveContrastive.symmetricCrossEntropy(logits)
            let size = logits.joined().reduce(expected) { max($0, abs($1)) }
            return (name, abs(found - expected) / size)
        }
    }

    /// Collective. Each rank compares the gradients of its own studies.
    private func gradientErrors(
        _ result: ContrastiveResult, _ expected: NaiveGradient, _ positions: [Int], _ batch: EmbeddingBatch
    ) throws -> [Finding] {
        let segments = batch.segments
        let vectors = positions.map { $0..<$0 + 1 }
        let patches = positions.map { $0 * batch.patchesPerStudy..<($0 + 1) * batch.patchesPerStudy }
        let kinds: [(String, Matrix, [Double], [Range<Int>])] = [
            ("study vectors", result.imageGlobalGradient, expected.images, vectors),
            ("report vectors", result.textGlobalGradient, expected.texts, vectors),
            ("patches", result.patchesGradient, expected.patches, patches),
            ("words", result.wordsGradient, expected.words, positions.map { segments[$0] }),
        ]
        let own = kinds.flatMap { _, found, expected, rows in
            LossCheck.squares(
                found.elements, rows.flatMap { expected[$0.lowerBound * batch.width..<$0.upperBound * batch.width] })
        }
        let squares = try context.collectives.allReduce(own, .sum)
        let scales = result.scaleGradients
        let four = LossCheck.squares(
            [scales.logitScale, scales.localScale1, scales.localScale2, scales.localScale3], expected.scales)
        let all = squares + four
        return (kinds.map { "gradient of \($0.0)" } + ["gradient of the logit scales"]).enumerated().map {
            index, name in
            (name, (all[2 * index] / all[2 * index + 1]).squareRoot())
        }
    }

    /// The sum of the squares of the differences, and that of the expected numbers.
    private static func squares<Numbers: Collection>(_ found: Numbers, _ expected: [Double]) -> [Double]
    where Numbers.Element: BinaryFloatingPoint {
        precondition(found.count == expected.count, "\(found.count) numbers, expected \(expected.count)")
        return zip(found, expected).reduce(into: [0, 0]) { sums, pair in
            let difference = Double(pair.0) - pair.1
            sums[0] += difference * difference
            sums[1] += pair.1 * pair.1
        }
    }

    /// Every rank has the same findings, and so throws the same.
    private func judge(_ findings: [Finding], _ tolerance: Double, _ unit: String) throws {
        // A number that is not finite is within no tolerance.
        guard let wrong = findings.first(where: { !($0.error <= tolerance) }) else { return }
        throw context.together(
            AltaError(
                "the contrastive losses are wrong, so they are not timed",
                why:
                    "the \(wrong.name) differs from a plain loop's by \(wrong.error) \(unit), \(tolerance) is allowed in "
                    + options.precision.rawValue,
                remedy: "check the installed libdnnl, or compare with --precision fp32"))
    }
}
