import AltaCore

/// How many studies fit in memory at once.
public struct MemoryPlan: Sendable {
    /// The shape of the model.
    public let config: ModelConfig

    /// Stores the shape.
    public init(config: ModelConfig) { self.config = config }

    /// An upper estimate of the bytes that one study's values and gradients take between forward and backward.
    ///
    /// Counted from the operations on the tape: about 22 matrices as wide as the model a block (q, k and v count
    /// three), twice the feed-forward width, and as much again at most for gradients alive at one time.
    public func bytesPerStudy(tokens: Int) -> Int {
        let vision = View.count * (1 + config.kept)
        let text = 2 * tokens
        let decoder = 1 + config.patches
        let visionFloats = vision * config.width * (22 + 8) * config.visionDepth
        let textFloats = text * (config.width * 22 + 2 * config.textIntermediate) * config.textDepth
        let decoderFloats = decoder * config.decoderWidth * (14 + 8) * config.decoderDepth
        let pixels = (config.patches - config.kept) * config.targetElements * 3
        let joint = (vision + text) * config.projection * 8
        return (visionFloats + textFloats + decoderFloats + pixels + joint) * MemoryLayout<Float>.stride * 5 / 4
    }

    /// The micro-batch for a configuration's 0: what fits in half of the memory that this rank may count on.
    public func microBatch(availableBytes: Int, share: Int) -> Int {
        let fitting = availableBytes / 2 / bytesPerStudy(tokens: config.maxTokens)
        return max(1, min(fitting, share))
    }
}
