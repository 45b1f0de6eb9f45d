import AltaAutograd
import AltaCore

/// `x Wᵀ + b`.
struct LinearLayer {
    let weight: Weight
    let bias: Weight

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable { tape.linear(x, weight, bias: bias) }
}

/// Layer normalisation.
struct NormLayer {
    let gamma: Weight
    let beta: Weight
    let epsilon: Float

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.layerNorm(x, gamma: gamma, beta: beta, epsilon: epsilon)
    }
}

/// Down-projection, GELU, up-projection: a few weights that train inside a frozen block.
///
/// Source: `Adapter` of the reference. The caller adds the result to its input (sequential use) or, scaled, to what the
/// frozen branch beside it made (parallel use).
struct Adapter {
    let down: LinearLayer
    let up: LinearLayer

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        up(tape.gelu(down(x, on: tape)), on: tape)
    }
}

/// The frozen branch of a block: two linear layers with GELU between.
struct FeedForward {
    let expand: LinearLayer
    let contract: LinearLayer

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        contract(tape.gelu(expand(x, on: tape)), on: tape)
    }
}

/// From an encoder's width into the joint space: `[rows, width]` to `[rows, projection]`.
///
/// Source: `ProjectionHead` of the reference.
struct ProjectionHead {
    let hidden: LinearLayer
    let norm: NormLayer
    let output: LinearLayer

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        output(norm(tape.gelu(hidden(x, on: tape)), on: tape), on: tape)
    }
}

extension ModelWeights {
    /// The epsilon of the ViT's norms.
    static let visionEpsilon: Float = 1e-6
    /// The epsilon of BERT's norms and of the heads'.
    static let textEpsilon: Float = 1e-12

    func linear(_ name: String) -> LinearLayer {
        LinearLayer(weight: self["\(name).weight"], bias: self["\(name).bias"])
    }

    func norm(_ name: String, epsilon: Float) -> NormLayer {
        NormLayer(gamma: self["\(name).weight"], beta: self["\(name).bias"], epsilon: epsilon)
    }

    /// The adapter of that name; nil where the block has none.
    func adapter(_ name: String) -> Adapter? {
        guard find("\(name).D_fc1.weight") != nil else { return nil }
        return Adapter(down: linear("\(name).D_fc1"), up: linear("\(name).D_fc2"))
    }

    func head(_ name: String) -> ProjectionHead {
        ProjectionHead(
            hidden: linear("\(name).dense_to_hidden"),
            norm: norm("\(name).LayerNorm", epsilon: ModelWeights.textEpsilon),
            output: linear("\(name).dense_to_output"))
    }
}
