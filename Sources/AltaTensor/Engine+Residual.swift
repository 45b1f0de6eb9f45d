import AltaCore

/// Dropout of whole rows of a matrix, with a key for each sequence: an element's fate depends on its place in its own
/// sequence alone.
public struct RowDropout: Sendable {
    /// The share of elements set to zero; the rest are divided by `1 - rate`.
    public let rate: Float
    /// One for each sequence.
    public let keys: [RandomKey]
    /// Which rows make which sequence; all rows of the matrix.
    public let sequences: Segments

    /// Stores the three.
    public init(rate: Float, keys: [RandomKey], sequences: Segments) {
        precondition(keys.count == sequences.count, "\(keys.count) keys for \(sequences.count) sequences")
        self.rate = rate
        self.keys = keys
        self.sequences = sequences
    }
}

extension Engine {
    /// `y = drop(x)`; the same call with the gradient in place of `x` is its own backward pass. `y` may be `x`.
    public func dropout(_ x: Matrix, _ dropout: RowDropout, into y: Matrix) {
        precondition(dropout.sequences.rows == x.rows, "sequences of \(dropout.sequences.rows) rows for \(x.shape)")
        for (index, key) in dropout.keys.enumerated() {
            self.dropout(x, rows: dropout.sequences[index], key: key, rate: dropout.rate, into: y)
        }
    }

    /// `z = x + scale drop(y)`; `z` may be `x`.
    public func addBranch(_ x: Matrix, _ y: Operand, scale: Float, dropout: RowDropout?, into z: Matrix) {
        if case .half(let y) = y {
            return residual(x, adding: ResidualBranch(y, scale: scale, dropout: dropout), into: z)
        }
        scratch.scoped {
            var branch = inFull(y)
            if let dropout {
                let kept = scratch.matrix(branch.rows, branch.columns)
                self.dropout(branch, dropout, into: kept)
                branch = kept
            }
            add(x, branch, scaleY: scale, into: z)
        }
    }

    /// The gradient of `addBranch` in `y`: `dy (+)= scale drop(dz)`.
    public func branchGradient(
        _ dz: Matrix, scale: Float, dropout: RowDropout?, into dy: Operand, accumulate: Bool
    ) {
        if case .half(let dy) = dy, !accumulate {
            return residualBackward(
                dSum: dz, into: dz, branches: ResidualBranch(dy, scale: scale, dropout: dropout))
        }
        scratch.scoped {
            var gradient = dz
            if let dropout {
                gradient = scratch.matrix(dz.rows, dz.columns)
                self.dropout(dz, dropout, into: gradient)
            }
            add(.full(gradient), scale: scale, into: dy, accumulate: accumulate)
        }
    }
}
