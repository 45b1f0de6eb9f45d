import AltaCore
import AltaTensor

extension Tape {
    /// The masked-image loss of each study: the sum over its hidden patches of the mean squared error of a patch.
    ///
    /// The gradient of `scale` times the sum over studies enters the sweep by itself.
    /// Source: `ALTA.embed` of the reference (`image_error`).
    /// - Parameters:
    ///   - prediction: `[hidden patches, E]`.
    ///   - target: `[hidden patches, E]`.
    ///   - scale: what the loss is multiplied by in the total: one over the global number of hidden patches.
    /// - Returns: one sum a study, before `scale`.
    public func reconstructionError(_ prediction: Variable, target: Matrix, scale: Float) -> [Double] {
        let value = prediction.value
        precondition(value.rows == target.rows && value.columns == target.columns, "prediction and target differ")
        record(ReconstructionOperation(prediction: prediction, target: target, scale: scale), if: true)
        return (0..<prediction.studies.count).map { study in
            prediction.studies[study].reduce(0) { sum, row in
                sum + meanSquare(value.rows(row..<row + 1), target.rows(row..<row + 1))
            }
        }
    }
}

/// The mean of the squared differences of two rows.
private func meanSquare(_ a: Matrix, _ b: Matrix) -> Double {
    var sum = 0.0
    for index in 0..<a.columns {
        let difference = Double(a.base[index] - b.base[index])
        sum += difference * difference
    }
    return sum / Double(a.columns)
}

private struct ReconstructionOperation: TapeOperation {
    let prediction: Variable
    let target: Matrix
    let scale: Float
    var outputs: [Int] { [] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let (target, accumulate) = tape.target(prediction) else { return }
        precondition(!accumulate, "a prediction feeds one loss only")
        let gradient = target.matrix
        let factor = 2 * scale / Float(self.target.columns)
        let value = prediction.value
        for index in 0..<value.rows * value.columns {
            gradient.base[index] = factor * (value.base[index] - self.target.base[index])
        }
    }
}
