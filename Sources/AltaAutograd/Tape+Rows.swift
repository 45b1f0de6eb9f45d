import AltaCore
import AltaTensor

extension Tape {
    /// Some rows of `x`, in the given order, each at most once: the CLS tokens, the words, the masked tokens.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`.
    ///   - rows: which rows; distinct.
    ///   - studies: which of the chosen rows belong to which study.
    ///   - storage: who reads the result.
    public func selectRows(
        _ x: Variable, _ rows: [Int], studies: Segments, storage: Storage = .products
    ) -> Variable {
        let values = values(rows.count, x.columns, storage)
        let (source, target) = storage == .products ? (x.operand, values.operand) : (x.values.primary, values.primary)
        for (row, chosen) in rows.enumerated() {
            engine.add(source.rows(chosen..<chosen + 1), into: target.rows(row..<row + 1), accumulate: false)
        }
        let y = variable(values, studies: studies, needsGradient: x.needsGradient)
        record(SelectOperation(x: x, rows: rows, y: y.index), if: y.needsGradient)
        return y
    }

    /// The mean of groups of `groupSize` given rows: a study vector from its views' CLS tokens.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`.
    ///   - rows: `groupSize` distinct rows for each result, group by group.
    /// - Returns: `[rows.count / groupSize, width]`, one row a study, in fp32.
    public func meanOfRows(_ x: Variable, _ rows: [Int], groupSize: Int) -> Variable {
        precondition(rows.count % groupSize == 0, "\(rows.count) rows in groups of \(groupSize)")
        let count = rows.count / groupSize
        let values = values(count, x.columns, .sums)
        let value = values.primary.matrix
        value.fill(0)
        for (position, row) in rows.enumerated() {
            let target = position / groupSize
            engine.addInto(value.rows(target..<target + 1), x.value.rows(row..<row + 1), scale: 1 / Float(groupSize))
        }
        let y = variable(values, studies: Segments(count: count, length: 1), needsGradient: x.needsGradient)
        record(MeanOperation(x: x, rows: rows, groupSize: groupSize, y: y.index), if: y.needsGradient)
        return y
    }

    /// `x` with row `i` of `vector` added to the rows `targets[i]`: the study vector, to every masked token.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`.
    ///   - vector: `[targets.count, width]`.
    ///   - targets: disjoint row ranges of `x`.
    public func addVector(_ x: Variable, _ vector: Variable, toRows targets: [Range<Int>]) -> Variable {
        precondition(vector.rows == targets.count, "\(vector.rows) vectors for \(targets.count) ranges")
        let values = values(x.rows, x.columns, .both)
        let value = values.primary.matrix
        value.copy(from: x.value)
        for (index, rows) in targets.enumerated() {
            let source = vector.value.rows(index..<index + 1)
            for row in rows { engine.addInto(value.rows(row..<row + 1), source, scale: 1) }
        }
        let y = variable(values, studies: x.studies, needsGradient: x.needsGradient || vector.needsGradient)
        record(AddVectorOperation(x: x, vector: vector, targets: targets, y: y.index), if: y.needsGradient)
        return y
    }
}

private struct SelectOperation: TapeOperation {
    let x: Variable
    let rows: [Int]
    let y: Int
    var outputs: [Int] { [y] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0] else { return }
        tape.addFullGradient(to: x) { dx, accumulate in
            if !accumulate { dx.fill(0) }
            tape.engine.scratch.scoped {
                let dy = tape.engine.inFull(dy)
                for (source, target) in rows.enumerated() {
                    tape.engine.addInto(dx.rows(target..<target + 1), dy.rows(source..<source + 1), scale: 1)
                }
            }
        }
    }
}

private struct MeanOperation: TapeOperation {
    let x: Variable
    let rows: [Int]
    let groupSize: Int
    let y: Int
    var outputs: [Int] { [y] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0]?.matrix else { return }
        tape.addFullGradient(to: x) { dx, accumulate in
            if !accumulate { dx.fill(0) }
            for (position, row) in rows.enumerated() {
                let source = position / groupSize
                tape.engine.addInto(
                    dx.rows(row..<row + 1), dy.rows(source..<source + 1), scale: 1 / Float(groupSize))
            }
        }
    }
}

private struct AddVectorOperation: TapeOperation {
    let x: Variable
    let vector: Variable
    let targets: [Range<Int>]
    let y: Int
    var outputs: [Int] { [y] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0] else { return }
        tape.addFullGradient(to: vector) { dv, accumulate in
            tape.engine.scratch.scoped {
                let sums = tape.engine.scratch.matrix(targets.count, dy.columns)
                for (index, rows) in targets.enumerated() {
                    tape.engine.columnSums(dy, rows: rows, into: sums.row(index))
                }
                if accumulate { tape.engine.addInto(dv, sums, scale: 1) } else { dv.copy(from: sums) }
            }
        }
        tape.handOn(dy, to: x)
    }
}
