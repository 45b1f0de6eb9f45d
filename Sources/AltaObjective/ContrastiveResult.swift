import AltaTensor

/// The four trained temperatures, as the parameters hold them: natural logarithms.
public struct ContrastiveScales: Equatable, Sendable {
    /// `logit_scale`: of the global similarities.
    public let logitScale: Float
    /// `logit_scale_local1`: of a word's affinities before the softmax over the patches.
    public let localScale1: Float
    /// `logit_scale_local2`: of the word-context cosines before they are pooled.
    public let localScale2: Float
    /// `logit_scale_local3`: of the pooled local similarities.
    public let localScale3: Float

    /// Stores the logarithms.
    public init(logitScale: Float, localScale1: Float, localScale2: Float, localScale3: Float) {
        self.logitScale = logitScale
        self.localScale1 = localScale1
        self.localScale2 = localScale2
        self.localScale3 = localScale3
    }
}

/// Gradients with respect to the four parameters of `ContrastiveScales`, that is to the logarithms.
public struct ContrastiveScaleGradients: Equatable, Sendable {
    /// Of `logitScale`.
    public let logitScale: Double
    /// Of `localScale1`.
    public let localScale1: Double
    /// Of `localScale2`.
    public let localScale2: Double
    /// Of `localScale3`.
    public let localScale3: Double
}

/// Both contrastive losses over the global batch, and the gradient of their sum.
public struct ContrastiveResult {
    /// The symmetric InfoNCE of study and report vectors; the same bits on every rank.
    public let globalLoss: Double
    /// The symmetric InfoNCE of patches and words; the same bits on every rank.
    public let localLoss: Double
    /// `[b, d]`: with respect to `LocalEmbeddings.imageGlobal`.
    public let imageGlobalGradient: Matrix
    /// `[b, d]`: with respect to `LocalEmbeddings.textGlobal`.
    public let textGlobalGradient: Matrix
    /// `[b * P, d]`: with respect to `LocalEmbeddings.patches`.
    public let patchesGradient: Matrix
    /// `[sum of W_i, d]`: with respect to `LocalEmbeddings.words`.
    public let wordsGradient: Matrix
    /// The whole gradient, already summed over the ranks; the same bits on every rank.
    public let scaleGradients: ContrastiveScaleGradients
    /// Where the time went on this rank, seconds.
    public let seconds: ContrastiveSeconds
}

/// Where the time of one evaluation went on this rank, seconds.
public struct ContrastiveSeconds: Equatable, Sendable {
    /// In collectives, waiting for other ranks included.
    public internal(set) var communication = 0.0
    /// The part of `communication` before the first few bytes of all ranks were there: waiting for slower ranks.
    public internal(set) var waited = 0.0
    /// The global loss and its gradient.
    public internal(set) var global = 0.0
    /// Similarities of studies and reports, first pass.
    public internal(set) var similarities = 0.0
    /// Similarities again, and their gradients, second pass.
    public internal(set) var gradients = 0.0
}
