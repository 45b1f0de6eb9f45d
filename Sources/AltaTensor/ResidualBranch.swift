import AltaCore
import CAltaKernels

/// What a branch of a block (attention, feed-forward, an adapter) adds to the stream: `scale dropout(value)`. On the way
/// back `value` is where the branch's gradient goes.
public struct ResidualBranch {
    /// `[R, C]`, of the stream's shape.
    public let value: HalfMatrix
    /// What the branch is multiplied by.
    public let scale: Float
    /// Dropout of the branch; nil: none.
    public let dropout: RowDropout?

    /// Stores the branch.
    public init(_ value: HalfMatrix, scale: Float = 1, dropout: RowDropout? = nil) {
        self.value = value
        self.scale = scale
        self.dropout = dropout
    }
}

/// A norm as a kernel takes it: gamma and beta `[C]`, and where the statistics of each row stand, `[R]` each.
public struct NormOperands {
    /// The factor of each column.
    public let gamma: UnsafePointer<Float>
    /// The summand of each column; nil on the way back, which needs none.
    public let beta: UnsafePointer<Float>?
    /// Added to the variance.
    public let epsilon: Float
    /// The mean of each row: written on the way forward, read on the way back.
    public let mean: UnsafeMutablePointer<Float>
    /// One over the standard deviation of each row.
    public let reciprocalDeviation: UnsafeMutablePointer<Float>

    /// Stores the five.
    public init(
        gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float, mean: UnsafeMutablePointer<Float>,
        reciprocalDeviation: UnsafeMutablePointer<Float>
    ) {
        self.gamma = gamma
        self.beta = beta
        self.epsilon = epsilon
        self.mean = mean
        self.reciprocalDeviation = reciprocalDeviation
    }

    /// What the way back needs, which writes none of it.
    init(gamma: UnsafePointer<Float>, mean: UnsafePointer<Float>, reciprocalDeviation: UnsafePointer<Float>) {
        self.gamma = gamma
        beta = nil
        epsilon = 0
        self.mean = UnsafeMutablePointer(mutating: mean)
        self.reciprocalDeviation = UnsafeMutablePointer(mutating: reciprocalDeviation)
    }

    var described: alta_norm {
        alta_norm(gamma: gamma, beta: beta, epsilon: epsilon, mean: mean, reciprocal: reciprocalDeviation)
    }
}

/// Up to two branches, as the kernels take them.
struct BranchPair {
    let first: ResidualBranch?
    let second: ResidualBranch?

    init(_ first: ResidualBranch?, _ second: ResidualBranch?, rows: Int, columns: Int, _ operation: StaticString) {
        for branch in [first, second] {
            guard let branch else { continue }
            precondition(
                branch.value.rows == rows && branch.value.columns == columns,
                "\(operation) of [\(rows), \(columns)] and a branch \(branch.value.shape)")
            precondition(
                branch.dropout.map { $0.sequences.rows == rows } ?? true,
                "\(operation) of [\(rows), \(columns)] with dropout of \(branch.dropout?.sequences.rows ?? 0) rows")
        }
        precondition(second?.dropout == nil, "\(operation): only the first branch may be dropped")
        self.first = first
        self.second = second
    }

    /// Runs `body` on the parts of `rows` that lie in one sequence each, or, where nothing is dropped, on all of them.
    func forEachPart(
        of rows: Range<Int>, _ body: (Range<Int>, _ first: inout alta_branch, _ second: inout alta_branch) -> Void
    ) {
        var two = BranchPair.described(second, sequence: nil)
        guard let dropout = first?.dropout, dropout.rate > 0 else {
            var one = BranchPair.described(first, sequence: nil)
            return body(rows, &one, &two)
        }
        for index in 0..<dropout.sequences.count {
            let part = dropout.sequences[index].clamped(to: rows)
            guard !part.isEmpty else { continue }
            var one = BranchPair.described(first, sequence: index)
            body(part, &one, &two)
        }
    }

    private static func described(_ branch: ResidualBranch?, sequence: Int?) -> alta_branch {
        guard let branch else {
            return alta_branch(value: nil, scale: 0, drops: false, key: 0, threshold: 0, first_row: 0)
        }
        guard let sequence, let dropout = branch.dropout else {
            return alta_branch(
                value: branch.value.words, scale: branch.scale, drops: false, key: 0, threshold: 0, first_row: 0)
        }
        let law = DropoutLaw(rate: dropout.rate)
        return alta_branch(
            value: branch.value.words, scale: branch.scale * law.scale, drops: true,
            key: dropout.keys[sequence].bits, threshold: law.threshold,
            first_row: dropout.sequences[sequence].lowerBound)
    }
}
