/// The shape of a stage's model, with the names of the references' `Config`s.
///
/// Every default is the published ALTA model's; `preset` has MRM's too. Fields that a stage has no use for are idle in it.
public struct ModelConfig: Equatable, Sendable {
    /// Which of the two models it is; not a field of the `model` object.
    public var stage = Stage.align
    /// Side of the encoder's input in pixels; the reconstruction target has twice this side.
    public var imageSize = 224
    /// Side of a patch of the encoder's input in pixels.
    public var patchSize = 16
    /// Width of the ViT; in the stage `align` of BERT too (the study vector is added to BERT's embeddings).
    public var width = 768
    /// Blocks of the ViT.
    public var visionDepth = 12
    /// Attention heads of the ViT.
    public var visionHeads = 12
    /// Width of the reconstruction decoder.
    public var decoderWidth = 768
    /// Blocks of the decoder.
    public var decoderDepth = 4
    /// Attention heads of the decoder.
    public var decoderHeads = 6
    /// Width of BERT as it was given; nil: `width`.
    public var givenTextWidth: Int?
    /// Layers of BERT.
    public var textDepth = 12
    /// Attention heads of BERT.
    public var textHeads = 12
    /// Width of BERT's feed-forward layers.
    public var textIntermediate = 3072
    /// Entries of the vocabulary.
    public var vocabulary = 30522
    /// Longest report in tokens, [CLS] and [SEP] included.
    public var maxTokens = 128
    /// Position embeddings of BERT.
    public var maxPositions = 512
    /// BERT's dropout while training, unless the run's own key says otherwise.
    public var dropout = 0.1
    /// Width of an adapter as a share of the model's width.
    public var adapterRatio = 0.25
    /// Weight of the parallel adapters.
    public var adapterScale = 0.5
    /// Width of the joint embedding space.
    public var projection = 128
    /// Share of the patches that is hidden.
    public var maskRatio = 0.75
    /// Whether the reconstruction target is standardised patch by patch.
    public var normalizePixels = true
    /// Whether the encoder's input is made from the reconstruction target with antialiasing.
    public var antialias = true

    /// The published ALTA model.
    public init() {}

    /// Width of BERT.
    public var textWidth: Int { givenTextWidth ?? width }

    /// Patches along a side.
    public var grid: Int { imageSize / patchSize }
    /// Patches of a view.
    public var patches: Int { grid * grid }
    /// Patches of a view that the encoder sees.
    public var kept: Int { Int(Double(patches) * (1 - maskRatio)) }
    /// Width of the hidden layer of an adapter.
    public var adapterWidth: Int { Int(Double(width) * adapterRatio) }
    /// Numbers in a patch of the encoder's input.
    public var patchElements: Int { 3 * patchSize * patchSize }
    /// Numbers in a patch of the reconstruction target, which has twice the resolution.
    public var targetElements: Int { 4 * patchElements }
}
