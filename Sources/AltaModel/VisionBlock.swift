import AltaAutograd
import AltaCore

/// A pre-norm ViT block; where it is adapted, a sequential adapter follows attention and a parallel one the MLP.
///
/// Source: `VisionBlock` of the reference, on packed sequences.
struct VisionBlock {
    let attentionNorm: NormLayer
    let queryKeyValue: LinearLayer
    let attentionOutput: LinearLayer
    let attentionAdapter: Adapter?
    let feedForwardNorm: NormLayer
    let feedForward: FeedForward
    let feedForwardAdapter: Adapter?
    let heads: Int
    let adapterScale: Float

    /// `[rows, width]` to `[rows, width]`.
    func callAsFunction(_ x: Variable, sequences: Segments, on tape: Tape) -> Variable {
        let qkv = queryKeyValue(attentionNorm(x, on: tape), on: tape)
        let mixed = tape.attention(qkv, sequences: sequences, heads: heads, dropout: nil)
        var attended = attentionOutput(mixed, on: tape)
        if let adapter = attentionAdapter { attended = tape.add(attended, adapter(attended, on: tape)) }
        let middle = tape.add(x, attended)
        let normed = feedForwardNorm(middle, on: tape)
        let expanded = tape.add(middle, feedForward(normed, on: tape))
        guard let adapter = feedForwardAdapter else { return expanded }
        return tape.add(expanded, adapter(normed, on: tape), scale: adapterScale)
    }
}

extension ModelWeights {
    func visionBlock(_ name: String, heads: Int) -> VisionBlock {
        VisionBlock(
            attentionNorm: norm("\(name).norm1", epsilon: ModelWeights.visionEpsilon),
            queryKeyValue: linear("\(name).attn.qkv"), attentionOutput: linear("\(name).attn.proj"),
            attentionAdapter: adapter("\(name).attn_adapter"),
            feedForwardNorm: norm("\(name).norm2", epsilon: ModelWeights.visionEpsilon),
            feedForward: FeedForward(expand: linear("\(name).mlp.fc1"), contract: linear("\(name).mlp.fc2")),
            feedForwardAdapter: adapter("\(name).mlp_adapter"), heads: heads,
            adapterScale: Float(config.adapterScale))
    }
}
