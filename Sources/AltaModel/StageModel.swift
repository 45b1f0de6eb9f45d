import AltaAutograd
import AltaCore
import AltaData

/// The model of a stage, as a training step sees it. It knows nothing of ranks.
public protocol StageModel {
    /// The weights.
    var weights: ModelWeights { get }

    /// Whether it puts studies and reports into a joint space, where losses compare them across the global batch.
    var hasJointSpace: Bool { get }

    /// The forward pass of a micro-batch.
    ///
    /// - Parameters:
    ///   - counts: what the two summed losses are divided by; nil: embeddings only, which spares the rest. The embeddings
    ///     have the same bits either way.
    ///   - absent: the absent views that `AbsentViewEncoder` made for all studies of the step; nil: each is encoded in its
    ///     study, with that study's mask.
    func forward(_ studies: [PreparedStudy], counts: LossCounts?, absent: SharedRows?, on tape: Tape) -> ModelOutput
}

extension StageModel {
    /// The forward pass of a micro-batch whose absent views are encoded in their studies.
    public func forward(_ studies: [PreparedStudy], counts: LossCounts?, on tape: Tape) -> ModelOutput {
        forward(studies, counts: counts, absent: nil, on: tape)
    }
}

extension ModelWeights {
    /// The model of the weights' stage.
    ///
    /// - Parameter dropout: BERT's, while training.
    public func model(dropout: TextDropoutRates) -> any StageModel {
        switch config.stage {
        case .align: AltaModel.make(weights: self, dropout: dropout)
        case .pretrain: MaskedRecordModel.make(weights: self, dropout: dropout)
        }
    }

    /// The model of the weights' stage, with one rate for all of BERT's dropout.
    public func model(dropoutRate: Double) -> any StageModel { model(dropout: TextDropoutRates(dropoutRate)) }
}

/// What a micro-batch gives to the losses.
public struct ModelOutput {
    /// The studies in the joint space; nil where the stage has none.
    public let joint: JointEmbeddings?
    /// Each study's reconstruction error, summed over hidden patches; empty where only embeddings were asked for.
    public let imageErrors: [Double]
    /// Each study's masked-language error, summed over masked tokens; empty where only embeddings were asked for.
    public let textErrors: [Double]
}

/// A micro-batch in the joint space. b = studies, P = visible patches of a study's four views, d = projection.
public struct JointEmbeddings {
    /// `[b, d]`, unit rows: the study vector.
    public let imageGlobal: Variable
    /// `[b, d]`, unit rows: the report.
    public let textGlobal: Variable
    /// `[b P, d]`: the patches in the joint space of the local loss.
    public let patches: Variable
    /// `[words, d]`: the words of all reports; `words.studies` tells whose.
    public let words: Variable
}

/// What the sums of the reconstruction and the masked-language loss are divided by: counts over the global batch.
public struct LossCounts: Sendable, Equatable {
    /// Hidden patches of the current frontal views.
    public var hiddenPatches: Int
    /// Masked tokens.
    public var maskedTokens: Int

    /// Stores the counts.
    public init(hiddenPatches: Int, maskedTokens: Int) {
        self.hiddenPatches = hiddenPatches
        self.maskedTokens = maskedTokens
    }

    /// The counts of `studies` studies with `maskedTokens` masked tokens together.
    public init(studies: Int, maskedTokens: Int, model: ModelConfig) {
        self.init(hiddenPatches: studies * (model.patches - model.kept), maskedTokens: maskedTokens)
    }

    /// What the reconstruction errors are multiplied by.
    var imageScale: Float { LossCounts.scale(hiddenPatches) }
    /// What the masked-language errors are multiplied by.
    var textScale: Float { LossCounts.scale(maskedTokens) }

    /// 0 where nothing counts (the loss is then 0, not undefined).
    private static func scale(_ count: Int) -> Float { count > 0 ? 1 / Float(count) : 0 }
}
