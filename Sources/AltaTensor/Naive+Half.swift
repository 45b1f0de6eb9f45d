import AltaCore

// The naive twins of bf16 kernels are the fp32 ones on the same numbers; here is only what has no fp32 twin.
extension Naive {
    /// `sum = x + branches`: see `Engine.residual`.
    public static func residual(_ x: Matrix, adding branches: [ResidualBranch], into sum: Matrix) {
        for i in 0..<x.rows {
            for j in 0..<x.columns {
                sum[i, j] = Float(
                    branches.reduce(Double(x[i, j])) { $0 + factor($1, i, j) * Double($1.value[i, j]) })
            }
        }
    }

    /// The gradient of one branch from that of the sum: see `Engine.residualBackward`.
    public static func branchGradient(_ dSum: Matrix, _ branch: ResidualBranch, into gradient: Matrix) {
        for i in 0..<dSum.rows {
            for j in 0..<dSum.columns { gradient[i, j] = Float(factor(branch, i, j) * Double(dSum[i, j])) }
        }
    }

    /// What an element of a branch is multiplied by.
    private static func factor(_ branch: ResidualBranch, _ row: Int, _ column: Int) -> Double {
        guard let dropout = branch.dropout, dropout.rate > 0 else { return Double(branch.scale) }
        guard let index = (0..<dropout.sequences.count).first(where: { dropout.sequences[$0].contains(row) }) else {
            preconditionFailure("row \(row) belongs to no sequence")
        }
        let law = DropoutLaw(rate: dropout.rate)
        let element = (row - dropout.sequences[index].lowerBound) * branch.value.columns + column
        return dropout.keys[index].word(element) >= law.threshold ? Double(branch.scale) * Double(law.scale) : 0
    }
}
