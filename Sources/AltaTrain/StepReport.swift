import AltaCore

/// The losses of a step, over the global batch: four, or in pretraining two.
public struct Losses: Sendable, Equatable {
    /// Study against report, by their vectors; nil in pretraining.
    public var globalContrastive: Double?
    /// Patches against words; nil in pretraining.
    public var localContrastive: Double?
    /// Hidden patches of the current frontal view.
    public var imageReconstruction = 0.0
    /// Masked tokens.
    public var maskedLanguage = 0.0

    /// Nothing lost, and nothing compared.
    public init() {}

    /// The names of a stage's losses.
    public static func names(of stage: Stage) -> [String] {
        var losses = Losses()
        if stage == .align { (losses.globalContrastive, losses.localContrastive) = (0, 0) }
        return losses.named.map(\.name)
    }

    /// The losses under their names in logs and fixtures, in the published order.
    public var named: [(name: String, value: Double)] {
        [
            ("global_contrastive", globalContrastive), ("local_contrastive", localContrastive),
            ("image_reconstruction", imageReconstruction), ("masked_language", maskedLanguage),
        ].compactMap { name, value in value.map { (name, $0) } }
    }

    /// What is minimised: their sum, each with weight 1.
    public var total: Double { named.reduce(0) { $0 + $1.value } }
}

/// What a step says of itself; the same on every rank but for `seconds` and `secondsWaited`.
public struct StepReport: Sendable {
    /// From 1.
    public var step: Int
    /// The fractional epoch at which the step began.
    public var epoch: Double
    /// The global batch in its order.
    public var studies: [StudyIndex]
    /// Of the global batch and of what was drawn for it.
    public var hashes: StepHashes
    /// The losses over the global batch.
    public var losses: Losses
    /// The rate of the update.
    public var learningRate: Double
    /// The logit scales as factors (not logarithms) after the update, in the order of `WeightCatalog`; none in
    /// pretraining.
    public var logitScales: [Double]
    /// The Euclidean norm of the whole gradient.
    public var gradientNorm: Double
    /// Floating-point operations of the matrix products of all ranks, in 10^9, counted as they ran.
    public var gflop: Double
    /// The global batch over the step's seconds.
    public var studiesPerSecond: Double
    /// Seconds of each phase on this rank.
    public var seconds: [Phase: Double]
    /// The part of this rank's `communication` that it waited for slower ranks: for their embeddings, and for those of its
    /// node to end their backward sweep.
    public var secondsWaited: Double
    /// What the ranks spent their time on.
    public var spreads: RankSpreads
    /// The signal that asks the run to save and stop after this step; nil: none came.
    public var stopSignal: Int32?
}
