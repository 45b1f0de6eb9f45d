import AltaCore

/// The shape of a text encoder, as its own description gives it.
struct TextShape: Equatable {
    var width: Int
    var depth: Int
    var heads: Int
    var intermediate: Int
    var vocabulary: Int
    var maxPositions: Int

    /// The text encoder of a model of this system.
    static func of(_ config: ModelConfig) -> TextShape {
        TextShape(
            width: config.textWidth, depth: config.textDepth, heads: config.textHeads,
            intermediate: config.textIntermediate, vocabulary: config.vocabulary, maxPositions: config.maxPositions)
    }

    /// The fields that another shape has otherwise, as `text_heads: 12 there, 6 in the configuration`; the vocabulary,
    /// whose size comes from its file, is not among them.
    func differences(from other: TextShape) -> [String] {
        let fields: [(String, KeyPath<TextShape, Int>)] = [
            ("width", \.width), ("text_depth", \.depth), ("text_heads", \.heads),
            ("text_intermediate", \.intermediate), ("max_positions", \.maxPositions),
        ]
        return fields.filter { self[keyPath: $0.1] != other[keyPath: $0.1] }
            .map { "\($0.0): \(self[keyPath: $0.1]) there, \(other[keyPath: $0.1]) in the configuration" }
    }

    /// Writes the shape into a model's; in the stage `align` the width is the whole model's and stays.
    func apply(to config: inout ModelConfig) {
        if config.stage == .pretrain { config.givenTextWidth = width }
        config.textDepth = depth
        config.textHeads = heads
        config.textIntermediate = intermediate
        config.maxPositions = maxPositions
        config.maxTokens = min(config.maxTokens, maxPositions)
    }
}
