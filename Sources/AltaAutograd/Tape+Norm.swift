import AltaCore
import AltaTensor

extension Tape {
    /// Layer normalisation of every row: `(x - mean) / sqrt(variance + epsilon) gamma + beta`.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`.
    ///   - gamma: `[1, width]`, as `beta`.
    ///   - epsilon: 1e-6 in the ViT, 1e-12 in BERT and the heads.
    public func layerNorm(_ x: Variable, gamma: Weight, beta: Weight, epsilon: Float) -> Variable {
        let value = arena.matrix(x.value.rows, x.value.columns)
        let mean = pointer(arena.buffer(max(x.value.rows, 1)) as UnsafeMutableBufferPointer<Float>)
        let deviation = pointer(arena.buffer(max(x.value.rows, 1)) as UnsafeMutableBufferPointer<Float>)
        engine.layerNorm(
            x.value, gamma: gamma.value.base, beta: beta.value.base, epsilon: epsilon, into: value, mean: mean,
            reciprocalDeviation: deviation)
        let trains = gamma.trainable != nil || beta.trainable != nil
        let y = variable(value, studies: x.studies, needsGradient: x.needsGradient || trains)
        record(
            LayerNormOperation(
                x: x, gamma: gamma, beta: beta, mean: mean, reciprocalDeviation: deviation, y: y.index),
            if: y.needsGradient)
        return y
    }
}

private struct LayerNormOperation: TapeOperation {
    let x: Variable
    let gamma: Weight
    let beta: Weight
    let mean: UnsafeMutablePointer<Float>
    let reciprocalDeviation: UnsafeMutablePointer<Float>
    let y: Int
    var output: Int? { y }
    var parameters: [Weight] { [gamma, beta] }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let dy else { return }
        if gamma.trainable != nil || beta.trainable != nil { addParameterGradients(dy, on: tape) }
        if let (dx, accumulate) = tape.target(x) {
            tape.engine.layerNormBackward(
                dy, x: x.value, gamma: gamma.value.base, mean: mean, reciprocalDeviation: reciprocalDeviation, into: dx,
                accumulate: accumulate)
        }
    }

    private func addParameterGradients(_ dy: Matrix, on tape: Tape) {
        let ledger = tape.recordingLedger
        let mark = tape.engine.scratch.mark
        let sums = tape.engine.scratch.matrix(2, dy.columns)
        for rows in ledger.blocks(of: x.studies) {
            tape.engine.layerNormParameterGradient(
                dy, x: x.value, mean: mean, reciprocalDeviation: reciprocalDeviation, rows: rows,
                gammaGradient: sums.base, betaGradient: sums.base + dy.columns)
            for (weight, row) in [(gamma, 0), (beta, 1)] {
                guard let weight = weight.trainable else { continue }
                ledger.addSparse(to: weight) { tape.engine.addInto($0, sums.rows(row..<row + 1), scale: 1) }
            }
        }
        tape.engine.scratch.release(to: mark)
    }
}
