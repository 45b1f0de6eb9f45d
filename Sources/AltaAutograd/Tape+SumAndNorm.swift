import AltaCore
import AltaTensor

/// The branches of a stream, where one kernel adds them and normalises the sum: one or two in bf16, of which the first
/// may be dropped.
struct FusedBranches {
    let first: Branch
    let second: Branch?

    /// nil where the stream's branches are of another kind.
    init?(_ stream: ResidualStream, _ engine: Engine) {
        let branches = stream.branches
        guard engine.format == .half, let first = branches.first, branches.count <= 2,
            branches.allSatisfy({ $0.variable.values.full == nil }),
            branches.dropFirst().allSatisfy({ $0.dropout == nil })
        else { return nil }
        self.first = first
        second = branches.count == 2 ? branches[1] : nil
    }
}

extension Tape {
    /// The stream with its branches added, and its layer normalisation, in one pass over memory.
    func fusedSumAndNorm(
        _ stream: ResidualStream, _ branches: FusedBranches, _ norm: NormWeights, storage: Storage
    ) -> (sum: Variable, normed: Variable) {
        let (rows, columns) = (stream.base.rows, stream.base.columns)
        let (sums, normed) = (values(rows, columns, .sums), values(rows, columns, storage))
        let statistics = NormStatistics(rows: rows, on: self)
        engine.layerNorm(
            stream.base.value, adding: branches.first.operand, branches.second?.operand, sum: sums.primary.matrix,
            norm: norm.operands(statistics), half: normed.half, full: normed.full)
        giveBack(stream)
        let needsGradient = stream.needsGradient || norm.trains
        let sum = variable(complete: sums, studies: stream.base.studies, needsGradient: stream.needsGradient)
        let y = variable(complete: normed, studies: stream.base.studies, needsGradient: needsGradient)
        record(
            SumAndNormOperation(
                base: stream.base, branches: branches, norm: norm, statistics: statistics, sum: sum, y: y.index),
            if: needsGradient)
        return (sum, y)
    }
}

extension Branch {
    /// The branch as the kernels take it.
    fileprivate var operand: ResidualBranch? {
        guard case .half(let value) = variable.operand else { return nil }
        return ResidualBranch(value, scale: scale, dropout: dropout)
    }

    /// Where the branch's gradient goes, where it is the first and wanted.
    fileprivate func gradientOperand(on tape: Tape) -> ResidualBranch? {
        guard !tape.hasGradient(variable), let (gradient, _) = tape.target(variable), case .half(let value) = gradient
        else { return nil }
        return ResidualBranch(value, scale: scale, dropout: dropout)
    }
}

extension NormWeights {
    fileprivate func operands(_ statistics: NormStatistics) -> NormOperands {
        NormOperands(
            gamma: gamma.value.base, beta: beta.value.base, epsilon: epsilon, mean: statistics.mean,
            reciprocalDeviation: statistics.reciprocalDeviation)
    }
}

private struct SumAndNormOperation: TapeOperation {
    let base: Variable
    let branches: FusedBranches
    let norm: NormWeights
    let statistics: NormStatistics
    let sum: Variable
    let y: Int
    var outputs: [Int] { [sum.index, y] }
    var parameters: [Weight] { norm.parameters }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        let dSum = gradients[0]
        guard let dy = gradients[1] else {
            guard let dSum else { return }
            return handOn(dSum, on: tape) { tape.engine.residualBackward(dSum: $0, into: $0, branches: $1, $2) }
        }
        tape.addNormGradients(dy, x: sum.value, studies: sum.studies, norm, statistics)
        guard sum.needsGradient else { return }
        let (half, full) = dy.split
        let passThrough = { (dx: Matrix, first: ResidualBranch?, second: ResidualBranch?) in
            tape.engine.layerNormBackward(
                dHalf: half, dFull: full, dSum: dSum?.matrix, sum: sum.value, norm: norm.operands(statistics),
                into: dx, branches: first, second)
        }
        // A gradient in fp32 that is used up here gives its memory to the result.
        if let target = dSum ?? full.map({ .full($0) }) { return handOn(target, on: tape, passThrough) }
        if base.needsGradient, !tape.hasGradient(base), let (target, _) = tape.target(base) {
            return fill(target.matrix, on: tape, passThrough)
        }
        tape.engine.scratch.scoped {
            let target = tape.engine.scratch.matrix(sum.rows, sum.columns)
            fill(target, on: tape, passThrough)
            tape.addGradient(.full(target), to: base)
        }
    }

    private typealias Kernel = (_ dx: Matrix, _ first: ResidualBranch?, _ second: ResidualBranch?) -> Void

    private func handOn(_ target: Operand, on tape: Tape, _ kernel: Kernel) {
        fill(target.matrix, on: tape, kernel)
        tape.handOn(target, to: base)
    }

    /// Computes the gradient of the sum in `dx`, and those of the branches.
    private func fill(_ dx: Matrix, on tape: Tape, _ kernel: Kernel) {
        let (first, second) = (branches.first, branches.second)
        let (firstTarget, secondTarget) = (
            first.gradientOperand(on: tape), second.flatMap { $0.gradientOperand(on: tape) }
        )
        kernel(dx, firstTarget, secondTarget)
        for (branch, isDone) in [(first, firstTarget != nil), (second, secondTarget != nil)] {
            guard let branch, !isDone, let (gradient, accumulate) = tape.target(branch.variable) else { continue }
            tape.engine.branchGradient(
                dx, scale: branch.scale, dropout: branch.dropout, into: gradient, accumulate: accumulate)
        }
    }
}

extension Operand {
    fileprivate var split: (half: HalfMatrix?, full: Matrix?) {
        switch self {
        case .half(let matrix): (matrix, nil)
        case .full(let matrix): (nil, matrix)
        }
    }
}
