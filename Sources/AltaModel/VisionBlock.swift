import AltaAutograd
import AltaCore

/// A pre-norm ViT block; where it is adapted, a sequential adapter follows attention and a parallel one the MLP.
///
/// Source: `VisionBlock` of the reference, on packed sequences.
struct VisionBlock {
    let attentionNorm: NormWeights
    let queryKeyValue: LinearLayer
    let attentionOutput: LinearLayer
    let attentionAdapter: Adapter?
    let feedForwardNorm: NormWeights
    let feedForward: FeedForwardWeights
    let feedForwardAdapter: Adapter?
    let heads: Int
    let adapterScale: Float

    /// `[rows, width]` to `[rows, width]`; the feed-forward branches of the result are yet to be added, so that the next
    /// block's norm can do it.
    func callAsFunction(_ stream: ResidualStream, sequences: Segments, on tape: Tape) -> ResidualStream {
        let (x, normed) = tape.sumAndNorm(stream, attentionNorm)
        let mixed = tape.attention(queryKeyValue(normed, on: tape), sequences: sequences, heads: heads, dropout: nil)
        let attended = attentionOutput(mixed, on: tape)
        let adapted = attentionAdapter.map { Branch($0(attended, on: tape), isTemporary: true) }
        let (middle, middleNormed) = tape.sumAndNorm(
            ResidualStream(x, adding: [Branch(attended)] + [adapted].compactMap { $0 }), feedForwardNorm)
        let expanded = Branch(tape.feedForward(middleNormed, feedForward), isTemporary: true)
        let beside = feedForwardAdapter.map {
            Branch($0(middleNormed, on: tape), scale: adapterScale, isTemporary: true)
        }
        return ResidualStream(middle, adding: [expanded] + [beside].compactMap { $0 })
    }
}

extension ModelWeights {
    func visionBlock(_ name: String, heads: Int) -> VisionBlock {
        VisionBlock(
            attentionNorm: norm("\(name).norm1", epsilon: ModelWeights.visionEpsilon),
            queryKeyValue: linear("\(name).attn.qkv"), attentionOutput: linear("\(name).attn.proj"),
            attentionAdapter: adapter("\(name).attn_adapter"),
            feedForwardNorm: norm("\(name).norm2", epsilon: ModelWeights.visionEpsilon),
            feedForward: feedForward(expand: "\(name).mlp.fc1", contract: "\(name).mlp.fc2"),
            feedForwardAdapter: adapter("\(name).mlp_adapter"), heads: heads,
            adapterScale: Float(config.adapterScale))
    }
}
