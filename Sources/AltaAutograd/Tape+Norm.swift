import AltaCore
import AltaTensor

/// The affine part of a layer normalisation, and what keeps its divisor from zero.
public struct NormWeights {
    /// `[1, width]`.
    public let gamma: Weight
    /// `[1, width]`.
    public let beta: Weight
    /// 1e-6 in the ViT, 1e-12 in BERT and the heads.
    public let epsilon: Float

    /// Stores the three.
    public init(gamma: Weight, beta: Weight, epsilon: Float) {
        self.gamma = gamma
        self.beta = beta
        self.epsilon = epsilon
    }

    var trains: Bool { gamma.trainable != nil || beta.trainable != nil }
    /// Both, for what adds to their gradients.
    var parameters: [Weight] { [gamma, beta] }
}

extension Tape {
    /// Layer normalisation of every row: `(x - mean) / sqrt(variance + epsilon) gamma + beta`.
    ///
    /// Statistics are fp32, and so is `x`: what is left after subtracting the mean may be small beside it.
    /// - Parameters:
    ///   - x: `[rows, width]`, kept in fp32.
    ///   - storage: who reads the result.
    public func layerNorm(_ x: Variable, _ norm: NormWeights, storage: Storage = .products) -> Variable {
        let values = values(x.rows, x.columns, storage)
        let statistics = NormStatistics(rows: x.rows, on: self)
        engine.layerNorm(
            x.value, gamma: norm.gamma.value.base, beta: norm.beta.value.base, epsilon: norm.epsilon,
            into: values.primary, mean: statistics.mean, reciprocalDeviation: statistics.reciprocalDeviation)
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient || norm.trains)
        record(LayerNormOperation(x: x, norm: norm, statistics: statistics, y: y.index), if: y.needsGradient)
        return y
    }
}

/// What a layer normalisation keeps of every row.
struct NormStatistics {
    let mean: UnsafeMutablePointer<Float>
    let reciprocalDeviation: UnsafeMutablePointer<Float>

    /// Room for them in the tape's arena.
    init(rows: Int, on tape: Tape) {
        mean = tape.pointer(tape.arena.buffer(max(rows, 1)))
        reciprocalDeviation = tape.pointer(tape.arena.buffer(max(rows, 1)))
    }
}

private struct LayerNormOperation: TapeOperation {
    let x: Variable
    let norm: NormWeights
    let statistics: NormStatistics
    let y: Int
    var outputs: [Int] { [y] }
    var parameters: [Weight] { norm.parameters }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0] else { return }
        tape.addNormGradients(dy, x: x.value, studies: x.studies, norm, statistics)
        tape.addFullGradient(to: x) { dx, accumulate in
            tape.engine.layerNormBackward(
                dy, x: x.value, gamma: norm.gamma.value.base, mean: statistics.mean,
                reciprocalDeviation: statistics.reciprocalDeviation, into: dx, accumulate: accumulate)
        }
    }
}

extension Tape {
    /// Adds to the gradients of gamma and beta, study by study, where they train.
    func addNormGradients(
        _ dy: Operand, x: Matrix, studies: Segments, _ norm: NormWeights, _ statistics: NormStatistics
    ) {
        guard norm.trains else { return }
        engine.scratch.scoped {
            let sums = engine.scratch.matrix(2, dy.columns)
            for rows in recordingLedger.blocks(of: studies) {
                engine.layerNormParameterGradient(
                    dy, x: x, mean: statistics.mean, reciprocalDeviation: statistics.reciprocalDeviation, rows: rows,
                    gammaGradient: sums.base, betaGradient: sums.base + dy.columns)
                for (weight, row) in [(norm.gamma, 0), (norm.beta, 1)] {
                    guard let weight = weight.trainable else { continue }
                    recordingLedger.addSparse(to: weight) { engine.addInto($0, sums.rows(row..<row + 1), scale: 1) }
                }
            }
        }
    }
}
