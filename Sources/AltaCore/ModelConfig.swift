/// The shape of the model, with the names of the reference's `Config`. Every default is the published model's.
public struct ModelConfig: Codable, Equatable, Sendable {
    /// Side of the encoder's input in pixels; the reconstruction target has twice this side.
    public var imageSize = 224
    /// Side of a patch of the encoder's input in pixels.
    public var patchSize = 16
    /// Width of the ViT and of BERT (the study vector is added to BERT's embeddings).
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

    /// The published model.
    public init() {}

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

    enum CodingKeys: String, CodingKey, CaseIterable {
        case imageSize = "image_size"
        case patchSize = "patch_size"
        case width
        case visionDepth = "vision_depth"
        case visionHeads = "vision_heads"
        case decoderWidth = "decoder_width"
        case decoderDepth = "decoder_depth"
        case decoderHeads = "decoder_heads"
        case textDepth = "text_depth"
        case textHeads = "text_heads"
        case textIntermediate = "text_intermediate"
        case vocabulary
        case maxTokens = "max_tokens"
        case maxPositions = "max_positions"
        case adapterRatio = "adapter_ratio"
        case adapterScale = "adapter_scale"
        case projection
        case maskRatio = "mask_ratio"
        case normalizePixels = "normalize_pixels"
    }
}

extension ModelConfig {
    /// The named sizes: `alta-tiny`, `alta-small`, `alta-base`; nil for another name.
    public static func preset(_ name: String) -> ModelConfig? {
        var config = ModelConfig()
        switch name {
        case "alta-base": break
        case "alta-small":
            (config.width, config.visionHeads) = (384, 6)
            (config.decoderWidth, config.decoderDepth, config.decoderHeads) = (384, 4, 6)
            (config.textDepth, config.textHeads, config.textIntermediate) = (6, 6, 1536)
        case "alta-tiny":
            (config.width, config.visionDepth, config.visionHeads) = (64, 4, 4)
            (config.decoderWidth, config.decoderDepth, config.decoderHeads) = (64, 1, 4)
            (config.textDepth, config.textHeads, config.textIntermediate) = (4, 4, 256)
            config.projection = 64
        default: return nil
        }
        return config
    }

    /// The names that `preset` knows.
    public static let presetNames = ["alta-tiny", "alta-small", "alta-base"]
}
