import AltaCore
import AltaObjective
import AltaTensor

/// What the objective found, held against the dense formulas in double precision.
package struct ContrastiveComparison {
    /// One quantity.
    package struct Row {
        /// What it is, for messages.
        package let name: String
        /// The norm of the difference.
        package let difference: Double
        /// The largest norm of a difference that passes.
        package let bound: Double
        /// Whether it passes; a difference that is not a number does not.
        package var passes: Bool { difference <= bound }
    }

    /// Both losses, then the gradients of the embeddings and of each logarithm.
    package let rows: [Row]

    /// What does not hold, in words; empty: everything holds.
    package var failures: [String] {
        rows.filter { !$0.passes }.map { "\($0.name) differs by \($0.difference), at most \($0.bound)" }
    }

    /// Compares the result for a batch with its reference. A batch of one study has no losses and no gradients, exactly.
    ///
    /// - Parameter cancels: whether all pairs are alike, so that gradients are zero but for roundings.
    package init(
        _ run: ShardedRun, _ batch: EmbeddingBatch, format: NumberFormat = .full, cancels: Bool = false
    ) {
        let naive = NaiveContrastive(batch)
        let (globalLogits, localLogits) = (naive.globalLogits, naive.localLogits)
        let tolerances = ContrastiveTolerances(
            batch, format, largestLogit: max(Self.largest(globalLogits), Self.largest(localLogits)), cancels: cancels)
        let all =
            [
                Self.loss("the global loss", run.globalLoss, globalLogits),
                Self.loss("the local loss", run.localLoss, localLogits),
            ] + Self.gradients(run, naive.gradient(), tolerances)
        rows = batch.count > 1 ? all : all.map { Row(name: $0.name, difference: $0.difference, bound: 0) }
    }

    private static let scaleNames = ["logit_scale", "logit_scale_local1", "logit_scale_local2", "logit_scale_local3"]

    private static func gradients(
        _ run: ShardedRun, _ expected: NaiveGradient, _ tolerances: ContrastiveTolerances
    ) -> [Row] {
        let (global, local, absolute) = (tolerances.global, tolerances.local, tolerances.absolute)
        let words = absolute + tolerances.fixedPointError(expected.words)
        let embeddings = [
            gradient("images", run.images, expected.images, global, absolute),
            gradient("texts", run.texts, expected.texts, global, absolute),
            gradient("patches", run.patches, expected.patches, local, absolute),
            gradient("words", run.words, expected.words, local, words),
        ]
        // Each by itself, though one may be zero but for the roundings of what the others are made of, as that of
        // `logit_scale_local1` is where reports have one word.
        let scales = scaleNames.indices.map { index in
            let relative = index == 0 ? global : local
            let silence = tolerances.silentShare * norm(expected.scales)
            return gradient(
                scaleNames[index], [Float(run.scales[index])], [expected.scales[index]], relative,
                silence + ContrastiveTolerances.pairsInAScale * absolute)
        }
        return embeddings + scales
    }

    private static func loss(_ name: String, _ found: Double, _ logits: [[Double]]) -> Row {
        let expected = NaiveContrastive.symmetricCrossEntropy(logits)
        return Row(
            name: name, difference: abs(found - expected),
            bound: ContrastiveTolerances.loss * max(expected, largest(logits)))
    }

    private static func gradient(
        _ name: String, _ found: [Float], _ expected: [Double], _ relative: Double, _ absolute: Double
    ) -> Row {
        precondition(found.count == expected.count, "\(found.count) numbers of \(name), expected \(expected.count)")
        return Row(
            name: "the gradient of \(name)", difference: norm(zip(found, expected).map { Double($0) - $1 }),
            bound: relative * norm(expected) + absolute * Double(expected.count).squareRoot())
    }

    private static func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    private static func largest(_ logits: [[Double]]) -> Double { logits.joined().reduce(0) { max($0, abs($1)) } }
}

/// How far the objective may be from the dense formulas.
struct ContrastiveTolerances {
    /// A loss: this share of the larger of the loss and the largest logit, of which it is a difference.
    static let loss = 1e-5
    /// A gradient in fp32: this share of its norm. Measured on 1,200 random batches: 2e-5 below the clamp, but for one of
    /// huge embeddings (6e-5).
    static let gradient = 2e-4
    /// A gradient of the local loss in bf16 runs, in which similarities alone are in fp32: this share of its norm. Measured on
    /// 1,200 random batches: 2.1e-2, at the clamp and 6 numbers a word; 3.4e-3 in the published sizes.
    static let halfGradient = 5e-2
    /// Where logits are large, their rounding is what a gradient's relative error comes from: a logit is off by some
    /// roundings of itself, and exp makes them a factor. Beyond logits of 840 this is more than `gradient`.
    static let roundingsOfALogit = 4.0
    /// Where all pairs are alike, terms of the size of both temperatures cancel: these roundings of them are left.
    static let roundingsOfATerm = 4.0
    /// And this share of a mean over the studies in bf16; a sixth of it was left where it was emulated.
    static let halfRoundoff = Double(BFloat16.roundoff)
    /// A temperature's gradient is a sum over all pairs, with as many roundings more where they cancel.
    static let pairsInAScale = 8.0
    /// A temperature's gradient in fp32 may be off by this share of the norm of all four.
    static let silentShare = 2e-5
    /// And in bf16 runs, where that of `logit_scale_local2` is a sum of cosines of rounded contexts, which may cancel: of two
    /// studies at the clamp it was 6 % of the norm off, once in 1,200 batches.
    static let halfSilentShare = 5e-2

    /// Of gradients of the global loss, which is in double precision in every run.
    let global: Double
    /// Of gradients of the local loss.
    let local: Double
    /// What each number of a gradient may be off beside.
    let absolute: Double
    /// What a temperature's gradient may be off by, as a share of the norm of all four.
    let silentShare: Double
    private let studies: Int

    init(_ batch: EmbeddingBatch, _ format: NumberFormat, largestLogit: Double, cancels: Bool) {
        let roundoff = Double(Float.ulpOfOne) / 2
        global = max(Self.gradient, Self.roundingsOfALogit * roundoff * largestLogit)
        local = max(global, format == .half ? Self.halfGradient : 0)
        silentShare = max(format == .half ? Self.halfSilentShare : Self.silentShare, global / 10)
        let scales = Double(batch.scales.localScale2) + Double(batch.scales.localScale3)
        let rounded = Self.roundingsOfATerm * roundoff + (format == .half ? Self.halfRoundoff / Double(batch.count) : 0)
        let cancelled = cancels ? rounded * Double.exponential(scales) : 0
        // A difference of denormal numbers is at least the smallest of them.
        absolute = max(cancelled, Double(Float.leastNonzeroMagnitude))
        studies = batch.count
    }

    /// Words' gradients are sums in fixed point: half a step for each study, the step chosen by the largest term.
    func fixedPointError(_ gradient: [Double]) -> Double {
        let largest = gradient.reduce(0) { max($0, abs($1)) }
        let step = largest < 128 ? 0x1p-44 : largest < 0x1p27 ? 0x1p-24 : 0x1p-4
        return Double(studies) * step / 2
    }
}
