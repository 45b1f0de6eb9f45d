/// The four losses of a step, over the global batch.
public struct Losses: Sendable, Equatable {
    /// Study against report, by their vectors.
    public var globalContrastive = 0.0
    /// Patches against words.
    public var localContrastive = 0.0
    /// Hidden patches of the current frontal view.
    public var imageReconstruction = 0.0
    /// Masked tokens.
    public var maskedLanguage = 0.0

    /// All zero.
    public init() {}

    /// The losses under their names in logs and fixtures, in the published order.
    public var named: [(name: String, value: Double)] {
        [
            ("global_contrastive", globalContrastive), ("local_contrastive", localContrastive),
            ("image_reconstruction", imageReconstruction), ("masked_language", maskedLanguage),
        ]
    }

    /// What is minimised: their sum, each with weight 1.
    public var total: Double { named.reduce(0) { $0 + $1.value } }
}

/// What a step says of itself; the same on every rank but for `seconds`.
public struct StepReport: Sendable {
    /// From 1.
    public var step: Int
    /// The fractional epoch at which the step began.
    public var epoch: Double
    /// The losses over the global batch.
    public var losses: Losses
    /// The rate of the update.
    public var learningRate: Double
    /// The logit scales as factors (not logarithms) after the update, in the order of `WeightCatalog`.
    public var logitScales: [Double]
    /// The Euclidean norm of the whole gradient.
    public var gradientNorm: Double
    /// The global batch over the step's seconds.
    public var studiesPerSecond: Double
    /// Seconds of each phase on this rank.
    public var seconds: [Phase: Double]
}
