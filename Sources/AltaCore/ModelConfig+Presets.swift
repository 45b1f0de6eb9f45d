extension ModelConfig {
    /// The named sizes of a stage: `alta-tiny`, `alta-small`, `alta-base`; nil for another name.
    ///
    /// A size has the same vision model in both stages, so that what was pretrained can be aligned.
    public static func preset(_ name: String, stage: Stage = .align) -> ModelConfig? {
        var config = published(stage)
        switch name {
        case "alta-base": break
        case "alta-small":
            (config.width, config.visionHeads) = (384, 6)
            (config.decoderWidth, config.decoderDepth, config.decoderHeads) = (384, 4, 6)
        case "alta-tiny":
            (config.width, config.visionDepth, config.visionHeads) = (64, 4, 4)
            (config.decoderWidth, config.decoderDepth, config.decoderHeads) = (64, 1, 4)
            config.projection = 64
        default: return nil
        }
        config.setText(name)
        return config
    }

    /// The published model of a stage: `alta-base`.
    public static func published(_ stage: Stage) -> ModelConfig {
        var config = ModelConfig()
        guard stage == .pretrain else { return config }
        config.stage = .pretrain
        config.vocabulary = 30000
        (config.maxTokens, config.maxPositions) = (100, 100)
        config.antialias = false
        config.setText("alta-base")
        return config
    }

    /// The names that `preset` knows.
    public static let presetNames = ["alta-tiny", "alta-small", "alta-base"]

    /// BERT's size. MRM's is half as deep as ALTA's and, but for the smallest, half as wide, as published.
    private mutating func setText(_ name: String) {
        switch (stage, name) {
        case (.align, "alta-small"): (textDepth, textHeads, textIntermediate) = (6, 6, 1536)
        case (.align, "alta-tiny"): (textDepth, textHeads, textIntermediate) = (4, 4, 256)
        case (.align, _): break
        case (.pretrain, "alta-small"): setText(width: 192, depth: 3, heads: 3)
        case (.pretrain, "alta-tiny"): setText(width: 64, depth: 2, heads: 4)
        case (.pretrain, _): setText(width: 384, depth: 6, heads: 6)
        }
    }

    private mutating func setText(width: Int, depth: Int, heads: Int) {
        (givenTextWidth, textDepth, textHeads, textIntermediate) = (width, depth, heads, 4 * width)
    }
}
