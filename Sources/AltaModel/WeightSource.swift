import AltaCore
import AltaTensor

/// Where the values of weights come from: a file, or the initialisation.
public protocol WeightSource {
    /// Fills `values` with the tensor `part` of `spec`.
    ///
    /// - Returns: whether the values came from a file (frozen ones that did not are written into the run folder).
    /// - Throws: `AltaError` where a file lacks the tensor or has another shape.
    func load(
        _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
    ) throws -> Bool
}

/// The initialisation of METHOD: a pure function of the seed and the tensor's name.
public struct RandomWeights: WeightSource {
    /// The run's seed.
    public let seed: UInt64

    /// Stores the seed.
    public init(seed: UInt64) { self.seed = seed }

    /// Fills a tensor as its spec says.
    public func load(
        _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
    ) throws -> Bool {
        let key = part.name.utf8.reduce(RandomKey(seed: seed, purpose: .initialisation)) { $0.child(UInt64($1)) }
        switch spec.initial {
        case .zero: values.update(repeating: 0)
        case .one: values.update(repeating: 1)
        case .logitScale: values.update(repeating: Float(Double.naturalLogarithm(1 / 0.07)))
        case .normal: RandomFill.normal(values, deviation: 0.02, key: key)
        case .wordTable:
            RandomFill.normal(values, deviation: 0.02, key: key)
            values.prefix(spec.columns).update(repeating: 0)
        case .xavier:
            let outputs = part.shape[0]
            let limit = (6 / Double(outputs + part.count / outputs)).squareRoot()
            RandomFill.uniform(values, in: Float(-limit)..<Float(limit), key: key)
        case .sineCosine: fillSineCosine(values, tokens: part.shape[1], width: part.shape[2])
        }
        return false
    }
}

/// MRM's positions `[1 + grid^2, width]`: sin and cos of column and row times 10000^(-i / width); CLS has zeros.
///
/// Source: `positions` of the MRM reference.
func fillSineCosine(_ values: UnsafeMutableBufferPointer<Float>, tokens: Int, width: Int) {
    values.update(repeating: 0)
    guard let grid = PositionInterpolation.grid(tokens: tokens) else {
        preconditionFailure("\(tokens) positions, expected 1 + a square")
    }
    let quarter = width / 4
    for patch in 0..<grid * grid {
        let start = (patch + 1) * width
        for index in 0..<quarter {
            let frequency = Double.power(10000, -Double(index) / Double(width))
            let column = Double(patch % grid) * frequency
            let row = Double(patch / grid) * frequency
            values[start + index] = Float(Double.sine(column))
            values[start + quarter + index] = Float(Double.cosine(column))
            values[start + 2 * quarter + index] = Float(Double.sine(row))
            values[start + 3 * quarter + index] = Float(Double.cosine(row))
        }
    }
}
