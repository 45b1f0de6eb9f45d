import AltaCore
import AltaTensor

extension Tape {
    /// `y = x Wᵀ + b`.
    ///
    /// - Parameters:
    ///   - x: `[rows, inputs]`.
    ///   - weight: `[outputs, inputs]`, packed.
    ///   - bias: `[1, outputs]`.
    ///   - storage: who reads the result.
    /// - Returns: `[rows, outputs]`.
    public func linear(_ x: Variable, _ weight: Weight, bias: Weight, storage: Storage = .products) -> Variable {
        let packed = weight.packed
        precondition(x.columns == packed.inputs, "\(weight.name) takes \(packed.inputs) inputs, not \(x.columns)")
        let input = productInput(x)
        let values = values(x.rows, packed.outputs, storage)
        engine.forward(input, packed, bias: UnsafePointer(bias.value.base), into: values.primary)
        let trains = weight.trainable != nil || bias.trainable != nil
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient || trains)
        record(LinearOperation(x: x, input: input, weight: weight, bias: bias, y: y.index), if: y.needsGradient)
        return y
    }

    /// The numbers of `x` in the engine's format; a copy in the arena where they are not kept in it.
    func productInput(_ x: Variable) -> Operand {
        guard x.operand.format != engine.format else { return x.operand }
        let copy = arena.operand(x.rows, x.columns, engine.format)
        engine.add(x.operand, into: copy, accumulate: false)
        return copy
    }
}

private struct LinearOperation: TapeOperation {
    let x: Variable
    let input: Operand
    let weight: Weight
    let bias: Weight
    let y: Int
    var outputs: [Int] { [y] }

    var parameters: [Weight] { [weight, bias] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0] else { return }
        tape.engine.scratch.scoped {
            let factor = tape.engine.inFormat(dy)
            tape.addWeightGradient(factor, input, studies: x.studies, to: weight)
            tape.addColumnSums(dy, studies: x.studies, to: bias)
            if let (dx, accumulate) = tape.target(x) {
                tape.engine.backward(factor, weight.packed, into: dx, accumulate: accumulate)
            }
        }
    }
}

extension Tape {
    /// Adds `dyᵀ x`, study by study, to the gradient of a weight, where it trains.
    func addWeightGradient(_ dy: Operand, _ x: Operand, studies: Segments, to weight: Weight) {
        guard let weight = weight.trainable else { return }
        for rows in recordingLedger.blocks(of: studies) {
            recordingLedger.add(to: weight) { target, accumulate in
                engine.weightGradient(dy.rows(rows), x.rows(rows), into: target, accumulate: accumulate)
            }
        }
    }

    /// Adds the column sums of each study's rows to the gradient of a bias, where it trains.
    func addColumnSums(_ dy: Operand, studies: Segments, to bias: Weight) {
        guard let bias = bias.trainable else { return }
        for rows in recordingLedger.blocks(of: studies) {
            recordingLedger.add(to: bias) { target, accumulate in
                guard accumulate else { return engine.columnSums(dy, rows: rows, into: target.base) }
                engine.scratch.scoped {
                    let sums = engine.scratch.matrix(1, dy.columns)
                    engine.columnSums(dy, rows: rows, into: sums.base)
                    engine.addInto(target, sums, scale: 1)
                }
            }
        }
    }
}
