import AltaCore
import AltaTensor

extension Tape {
    /// `y = x Wᵀ + b`.
    ///
    /// - Parameters:
    ///   - x: `[rows, inputs]`.
    ///   - weight: `[outputs, inputs]`, packed.
    ///   - bias: `[1, outputs]`.
    /// - Returns: `[rows, outputs]`.
    public func linear(_ x: Variable, _ weight: Weight, bias: Weight) -> Variable {
        let packed = weight.packed
        precondition(
            x.value.columns == packed.inputs, "\(weight.name) takes \(packed.inputs) inputs, not \(x.value.columns)")
        let value = arena.matrix(x.value.rows, packed.outputs)
        engine.forward(x.value, packed, bias: UnsafePointer(bias.value.base), into: value)
        let trains = weight.trainable != nil || bias.trainable != nil
        let y = variable(value, studies: x.studies, needsGradient: x.needsGradient || trains)
        record(LinearOperation(x: x, weight: weight, bias: bias, y: y.index), if: y.needsGradient)
        return y
    }
}

private struct LinearOperation: TapeOperation {
    let x: Variable
    let weight: Weight
    let bias: Weight
    let y: Int

    var output: Int? { y }
    var parameters: [Weight] { [weight, bias] }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let dy else { return }
        let ledger = tape.recordingLedger
        for rows in ledger.blocks(of: x.studies) {
            if let weight = weight.trainable {
                ledger.add(to: weight) { target, accumulate in
                    tape.engine.weightGradient(
                        dy.rows(rows), x.value.rows(rows), into: target, accumulate: accumulate)
                }
            }
            addColumnSums(dy, rows: rows, to: bias, on: tape)
        }
        if let (dx, accumulate) = tape.target(x) {
            tape.engine.backward(dy, weight.packed, into: dx, accumulate: accumulate)
        }
    }
}

/// Adds the column sums of some rows to the gradient of a bias, where it trains.
func addColumnSums(_ dy: Matrix, rows: Range<Int>, to bias: Weight, on tape: Tape) {
    guard let bias = bias.trainable else { return }
    tape.recordingLedger.add(to: bias) { target, accumulate in
        guard accumulate else {
            tape.engine.columnSums(dy, rows: rows, into: target.base)
            return
        }
        let mark = tape.engine.scratch.mark
        let sums = tape.engine.scratch.matrix(1, dy.columns)
        tape.engine.columnSums(dy, rows: rows, into: sums.base)
        tape.engine.addInto(target, sums, scale: 1)
        tape.engine.scratch.release(to: mark)
    }
}
