import AltaCore
import AltaTensor

extension Tape {
    /// GELU with the exact error function, element by element.
    public func gelu(_ x: Variable) -> Variable {
        let value = arena.matrix(x.value.rows, x.value.columns)
        engine.gelu(x.value, into: value)
        let y = variable(value, studies: x.studies, needsGradient: x.needsGradient)
        record(GELUOperation(x: x, y: y.index), if: y.needsGradient)
        return y
    }

    /// `x + scale y`, both `[rows, width]`.
    public func add(_ x: Variable, _ y: Variable, scale: Float = 1) -> Variable {
        precondition(
            x.value.rows == y.value.rows && x.value.columns == y.value.columns,
            "[\(x.value.rows), \(x.value.columns)] + [\(y.value.rows), \(y.value.columns)]")
        let value = arena.matrix(x.value.rows, x.value.columns)
        engine.add(x.value, y.value, scaleY: scale, into: value)
        let z = variable(value, studies: x.studies, needsGradient: x.needsGradient || y.needsGradient)
        record(AddOperation(x: x, y: y, scale: scale, z: z.index), if: z.needsGradient)
        return z
    }

    /// Dropout with a key for each sequence: an element's fate depends on its place in its own sequence alone.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`.
    ///   - rate: the share of elements set to zero; the rest are divided by `1 - rate`. Zero returns `x` itself.
    ///   - keys: one for each of `sequences`.
    public func dropout(_ x: Variable, rate: Float, keys: [RandomKey], sequences: Segments) -> Variable {
        guard rate > 0 else { return x }
        precondition(keys.count == sequences.count, "\(keys.count) keys for \(sequences.count) sequences")
        precondition(
            sequences.rows == x.value.rows,
            "sequences of \(sequences.rows) rows for \(x.value.rows): the rest is no value")
        let value = arena.matrix(x.value.rows, x.value.columns)
        let operation = DropoutOperation(x: x, rate: rate, keys: keys, sequences: sequences, y: gradientCount)
        operation.apply(x.value, into: value, engine: engine)
        let y = variable(value, studies: x.studies, needsGradient: x.needsGradient)
        record(operation, if: y.needsGradient)
        return y
    }

    /// Every row divided by its Euclidean norm (at least 1e-12), as `F.normalize`.
    public func normalizeRows(_ x: Variable) -> Variable {
        let value = arena.matrix(x.value.rows, x.value.columns)
        let norms = arena.buffer(x.value.rows) as UnsafeMutableBufferPointer<Float>
        engine.normalizeRows(x.value, into: value, norms: pointer(norms))
        let y = variable(value, studies: x.studies, needsGradient: x.needsGradient)
        record(NormalizeOperation(x: x, y: y, norms: pointer(norms)), if: y.needsGradient)
        return y
    }
}

private struct GELUOperation: TapeOperation {
    let x: Variable
    let y: Int
    var output: Int? { y }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let dy, let (dx, accumulate) = tape.target(x) else { return }
        tape.engine.geluBackward(dy, x: x.value, into: dx, accumulate: accumulate)
    }
}

private struct AddOperation: TapeOperation {
    let x: Variable
    let y: Variable
    let scale: Float
    let z: Int
    var output: Int? { z }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let dy else { return }
        tape.addGradient(dy, to: x)
        tape.addGradient(dy, to: y, scale: scale)
    }
}

private struct DropoutOperation: TapeOperation {
    let x: Variable
    let rate: Float
    let keys: [RandomKey]
    let sequences: Segments
    let y: Int
    var output: Int? { y }

    /// The same call goes forward and backward: what was dropped gets no gradient.
    func apply(_ input: Matrix, into output: Matrix, engine: Engine) {
        for (index, key) in keys.enumerated() {
            engine.dropout(input, rows: sequences[index], key: key, rate: rate, into: output)
        }
    }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let dy, let (dx, accumulate) = tape.target(x) else { return }
        guard accumulate else {
            apply(dy, into: dx, engine: tape.engine)
            return
        }
        let mark = tape.engine.scratch.mark
        let kept = tape.engine.scratch.matrix(dy.rows, dy.columns)
        apply(dy, into: kept, engine: tape.engine)
        tape.engine.addInto(dx, kept, scale: 1)
        tape.engine.scratch.release(to: mark)
    }
}

private struct NormalizeOperation: TapeOperation {
    let x: Variable
    let y: Variable
    let norms: UnsafeMutablePointer<Float>
    var output: Int? { y.index }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let dy, let (dx, accumulate) = tape.target(x) else { return }
        tape.engine.normalizeRowsBackward(dy, y: y.value, norms: norms, into: dx, accumulate: accumulate)
    }
}
