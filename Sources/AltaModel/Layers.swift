import AltaAutograd
import AltaCore

/// `x Wᵀ + b`.
struct LinearLayer {
    let weight: Weight
    let bias: Weight

    func callAsFunction(_ x: Variable, storage: Storage = .products, on tape: Tape) -> Variable {
        tape.linear(x, weight, bias: bias, storage: storage)
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

/// From an encoder's width into the joint space: `[rows, width]` to `[rows, projection]`.
///
/// What lies between its products is fp32, as is its result: similarities are taken of it.
/// Source: `ProjectionHead` of the reference.
struct ProjectionHead {
    let hidden: LinearLayer
    let norm: NormWeights
    let output: LinearLayer

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        let inner = tape.gelu(hidden(x, storage: .sums, on: tape))
        return output(tape.layerNorm(inner, norm), storage: .sums, on: tape)
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

    func norm(_ name: String, epsilon: Float) -> NormWeights {
        NormWeights(gamma: self["\(name).weight"], beta: self["\(name).bias"], epsilon: epsilon)
    }

    /// The adapter of that name; nil where the block has none.
    func adapter(_ name: String) -> Adapter? {
        guard find("\(name).D_fc1.weight") != nil else { return nil }
        return Adapter(down: linear("\(name).D_fc1"), up: linear("\(name).D_fc2"))
    }

    /// The frozen branch of a block: `expand`, GELU, `contract`.
    func feedForward(expand: String, contract: String) -> FeedForwardWeights {
        let (first, second) = (linear(expand), linear(contract))
        return FeedForwardWeights(
            expand: first.weight, expandBias: first.bias, contract: second.weight, contractBias: second.bias)
    }

    func head(_ name: String) -> ProjectionHead {
        ProjectionHead(
            hidden: linear("\(name).dense_to_hidden"),
            norm: norm("\(name).LayerNorm", epsilon: ModelWeights.textEpsilon),
            output: linear("\(name).dense_to_output"))
    }
}
