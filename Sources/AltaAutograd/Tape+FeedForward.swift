import AltaCore
import AltaTensor

/// Two linear layers with GELU between.
public struct FeedForwardWeights {
    /// `[inner, W]`, packed.
    public let expand: Weight
    /// `[1, inner]`.
    public let expandBias: Weight
    /// `[W, inner]`, packed.
    public let contract: Weight
    /// `[1, W]`.
    public let contractBias: Weight

    /// Stores the four.
    public init(expand: Weight, expandBias: Weight, contract: Weight, contractBias: Weight) {
        self.expand = expand
        self.expandBias = expandBias
        self.contract = contract
        self.contractBias = contractBias
    }

    /// Whether any of them trains.
    var trains: Bool { [expand, expandBias, contract, contractBias].contains { $0.trainable != nil } }
}

extension Tape {
    /// `gelu(x Eᵀ + e) Cᵀ + c`.
    ///
    /// Frozen layers work on a block of rows at a time, so that what is between them stays in the cache; of it only the
    /// input of GELU is kept. Layers that train keep their inputs, and are operations of their own.
    /// - Parameter x: `[rows, W]`.
    /// - Returns: `[rows, W]`, in the engine's format.
    public func feedForward(_ x: Variable, _ weights: FeedForwardWeights) -> Variable {
        guard !weights.trains else {
            let inner = gelu(linear(x, weights.expand, bias: weights.expandBias))
            return linear(inner, weights.contract, bias: weights.contractBias)
        }
        let values = values(x.rows, weights.contract.packed.outputs, .products)
        let input = productInput(x)
        let needsGradient = x.needsGradient && isRecording
        let inner = needsGradient ? arena.operand(x.rows, weights.expand.packed.outputs, engine.format) : nil
        engine.feedForward(
            input, expand: weights.expand.packed, expandBias: UnsafePointer(weights.expandBias.value.base),
            contract: weights.contract.packed, contractBias: UnsafePointer(weights.contractBias.value.base),
            inner: inner, into: values.operand)
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient)
        if let inner { record(FeedForwardOperation(x: x, weights: weights, inner: inner, y: y.index), if: true) }
        return y
    }
}

private struct FeedForwardOperation: TapeOperation {
    let x: Variable
    let weights: FeedForwardWeights
    let inner: Operand
    let y: Int
    var outputs: [Int] { [y] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0], let (dx, accumulate) = tape.target(x) else { return }
        tape.engine.scratch.scoped {
            tape.engine.feedForwardBackward(
                tape.engine.inFormat(dy), inner: inner, expand: weights.expand.packed,
                contract: weights.contract.packed, into: dx, accumulate: accumulate)
        }
    }
}
