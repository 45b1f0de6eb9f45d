import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

/// BERT's dropout rates while training.
public struct TextDropoutRates: Equatable, Sendable {
    /// After embeddings, attention output and feed-forward output.
    public var hidden: Double
    /// Of the attention probabilities.
    public var attention: Double

    /// Stores the rates.
    public init(hidden: Double, attention: Double) {
        self.hidden = hidden
        self.attention = attention
    }

    /// One rate for both.
    public init(_ rate: Double) { self.init(hidden: rate, attention: rate) }
}

/// BERT's dropout in one pass: the rates, and a key for each sequence.
///
/// A key is that of (seed, epoch, study, half of the report); the layer and the place in it are its children, so an
/// element is dropped or kept whatever else is in the batch.
public struct TextDropout: Sendable {
    /// The rate after embeddings, attention output and feed-forward output.
    public let hiddenRate: Float
    /// The rate of the attention probabilities.
    public let attentionRate: Float
    /// One key a sequence.
    public let keys: [RandomKey]

    /// Stores rates and keys.
    public init(hiddenRate: Float, attentionRate: Float, keys: [RandomKey]) {
        self.hiddenRate = hiddenRate
        self.attentionRate = attentionRate
        self.keys = keys
    }

    /// Where in a layer something is dropped. The embeddings count as layer 0, BERT's layers from 1.
    enum Site: UInt64 {
        case embeddings, attentionProbabilities, attentionOutput, feedForwardOutput
    }

    /// The dropout of a micro-batch: a key for each half of each study's report. nil: nothing is dropped.
    static func make(_ studies: [PreparedStudy], reports: PackedReports, rates: TextDropoutRates) -> TextDropout? {
        guard rates.hidden > 0 || rates.attention > 0 else { return nil }
        let keys = studies.flatMap { study in reports.halves.map { study.dropoutKey.child($0.rawValue) } }
        return TextDropout(hiddenRate: Float(rates.hidden), attentionRate: Float(rates.attention), keys: keys)
    }

    func keys(layer: Int, site: Site) -> [RandomKey] {
        keys.map { $0.child(UInt64(layer)).child(site.rawValue) }
    }

    /// What is dropped of a site's rows; nil: nothing.
    func rows(layer: Int, site: Site, sequences: Segments) -> RowDropout? {
        guard hiddenRate > 0 else { return nil }
        return RowDropout(rate: hiddenRate, keys: keys(layer: layer, site: site), sequences: sequences)
    }
}

/// A post-norm BERT layer; where it is adapted, a sequential adapter follows attention and a parallel one stands beside the
/// feed-forward branch.
///
/// Source: `TextLayer` of the references, with the published dropout, on packed sequences.
struct TextLayer {
    let number: Int
    let queryKeyValue: LinearLayer
    let attentionOutput: LinearLayer
    let attentionNorm: NormWeights
    let attentionAdapter: Adapter?
    let feedForward: FeedForwardWeights
    let feedForwardNorm: NormWeights
    let feedForwardAdapter: Adapter?
    let heads: Int
    let adapterScale: Float

    /// `[rows, width]` to `[rows, width]`.
    func callAsFunction(_ x: Variable, sequences: Segments, dropout: TextDropout?, on tape: Tape) -> Variable {
        let attended = attentionOutput(attend(x, sequences: sequences, dropout: dropout, on: tape), on: tape)
        let attention = Branch(
            attended, dropout: dropout?.rows(layer: number, site: .attentionOutput, sequences: sequences),
            isTemporary: true)
        let normed = tape.sumAndNorm(
            ResidualStream(x, adding: [attention], endsBase: true), attentionNorm, storage: .both
        ).normed
        let adapted = attentionAdapter.map { adapter in
            let beside = Branch(adapter(normed, on: tape), isTemporary: true)
            return tape.sum(ResidualStream(normed, adding: [beside], endsBase: true), storage: .both)
        }
        let middle = adapted ?? normed
        let expanded = Branch(
            tape.feedForward(middle, feedForward),
            dropout: dropout?.rows(layer: number, site: .feedForwardOutput, sequences: sequences), isTemporary: true)
        let output = tape.sumAndNorm(
            ResidualStream(middle, adding: [expanded], endsBase: true), feedForwardNorm,
            storage: feedForwardAdapter == nil ? .both : .sums
        ).normed
        guard let adapter = feedForwardAdapter else { return output }
        let beside = Branch(adapter(middle, on: tape), scale: adapterScale, isTemporary: true)
        return tape.sum(ResidualStream(output, adding: [beside], endsBase: true), storage: .both)
    }

    private func attend(
        _ x: Variable, sequences: Segments, dropout: TextDropout?, on tape: Tape
    ) -> Variable {
        let probabilities = dropout.flatMap { dropout in
            dropout.attentionRate > 0
                ? AttentionDropout(
                    rate: dropout.attentionRate, keys: dropout.keys(layer: number, site: .attentionProbabilities))
                : nil
        }
        return tape.attention(
            queryKeyValue(x, on: tape), sequences: sequences, heads: heads, dropout: probabilities)
    }
}

extension ModelWeights {
    func textLayer(_ index: Int) -> TextLayer {
        let name = "\(catalog.textRoot).bert.encoder.layer.\(index)"
        return TextLayer(
            number: index + 1, queryKeyValue: linear("\(name).attention.self.qkv"),
            attentionOutput: linear("\(name).attention.output.dense"),
            attentionNorm: norm("\(name).attention.output.LayerNorm", epsilon: ModelWeights.textEpsilon),
            attentionAdapter: adapter("\(name).attn_adapter"),
            feedForward: feedForward(
                expand: "\(name).intermediate.dense", contract: "\(name).output.dense"),
            feedForwardNorm: norm("\(name).output.LayerNorm", epsilon: ModelWeights.textEpsilon),
            feedForwardAdapter: adapter("\(name).mlp_adapter"), heads: config.textHeads,
            adapterScale: Float(config.adapterScale))
    }
}
