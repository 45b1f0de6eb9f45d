import AltaCore
import AltaTensor

extension Tape {
    /// GELU with the exact error function, element by element, in the format that its input has.
    public func gelu(_ x: Variable) -> Variable {
        let values = values(x.rows, x.columns, x.values.full == nil ? .products : .sums)
        engine.gelu(x.values.primary, into: values.primary)
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient)
        record(GELUOperation(x: x, y: y.index), if: y.needsGradient)
        return y
    }

    /// Dropout of an fp32 matrix; a rate of zero, or nil, returns `x` itself.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`, kept in fp32.
    ///   - storage: who reads the result.
    public func dropout(_ x: Variable, _ dropout: RowDropout?, storage: Storage = .both) -> Variable {
        guard let dropout, dropout.rate > 0 else { return x }
        let values = values(x.rows, x.columns, storage)
        engine.dropout(x.value, dropout, into: values.primary.matrix)
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient)
        record(DropoutOperation(x: x, dropout: dropout, y: y.index), if: y.needsGradient)
        return y
    }

    /// Every row divided by its Euclidean norm (at least 1e-12), as `F.normalize`; in fp32.
    public func normalizeRows(_ x: Variable) -> Variable {
        let values = values(x.rows, x.columns, .sums)
        let norms = arena.buffer(x.rows) as UnsafeMutableBufferPointer<Float>
        engine.normalizeRows(x.value, into: values.primary.matrix, norms: pointer(norms))
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient)
        record(NormalizeOperation(x: x, y: y, norms: pointer(norms)), if: y.needsGradient)
        return y
    }
}

private struct GELUOperation: TapeOperation {
    let x: Variable
    let y: Int
    var outputs: [Int] { [y] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0], let (dx, accumulate) = tape.target(x) else { return }
        tape.engine.geluBackward(dy, x: x.values.primary, into: dx, accumulate: accumulate)
    }
}

private struct DropoutOperation: TapeOperation {
    let x: Variable
    let dropout: RowDropout
    let y: Int
    var outputs: [Int] { [y] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0], let (dx, accumulate) = tape.target(x) else { return }
        tape.engine.branchGradient(dy.matrix, scale: 1, dropout: dropout, into: dx, accumulate: accumulate)
    }
}

private struct NormalizeOperation: TapeOperation {
    let x: Variable
    let y: Variable
    let norms: UnsafeMutablePointer<Float>
    var outputs: [Int] { [y.index] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0] else { return }
        tape.addFullGradient(to: x) { dx, accumulate in
            tape.engine.normalizeRowsBackward(dy.matrix, y: y.value, norms: norms, into: dx, accumulate: accumulate)
        }
    }
}
