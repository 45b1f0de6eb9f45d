import CAltaKernels

extension Engine {
    /// `sum = x + branches`, the fp32 stream of a block; `half` the same in bf16, where wanted. `sum` may be `x`.
    public func residual(
        _ x: Matrix, adding first: ResidualBranch, _ second: ResidualBranch? = nil, into sum: Matrix,
        half: HalfMatrix? = nil
    ) {
        requireSameShape(x, sum, "residual")
        if let half { requireSameShape(half, x, "residual") }
        let branches = BranchPair(first, second, rows: x.rows, columns: x.columns, "residual")
        parallel(x.rows, elementsEach: x.columns) { rows in
            branches.forEachPart(of: rows) { part, first, second in
                alta_half_residual(
                    x.base, &first, &second, sum.base, half?.words, x.columns, part.lowerBound, part.upperBound)
            }
        }
    }

    /// The gradient of `residual`: `dx = dSum + dHalf`, and that of each branch, rounded, into its `value`.
    ///
    /// `dSum` and `dHalf` are the gradients of the two results; `dx` may be `dSum`. Branches are those of the way
    /// forward but for `value`.
    public func residualBackward(
        dSum: Matrix, dHalf: HalfMatrix? = nil, into dx: Matrix, branches first: ResidualBranch?,
        _ second: ResidualBranch? = nil
    ) {
        requireSameShape(dSum, dx, "residualBackward")
        if let dHalf { requireSameShape(dHalf, dx, "residualBackward") }
        let branches = BranchPair(first, second, rows: dx.rows, columns: dx.columns, "residualBackward")
        parallel(dx.rows, elementsEach: dx.columns) { rows in
            branches.forEachPart(of: rows) { part, first, second in
                alta_half_residual_backward(
                    dHalf?.words, dSum.base, dx.base, &first, &second, dx.columns, part.lowerBound, part.upperBound)
            }
        }
    }

    /// `sum = x + branches` and its norm in one pass over memory: in bf16 for the products that follow (`half`), in
    /// fp32 where it becomes the stream (`full`).
    ///
    /// Without branches the norm is that of `x`, and `sum` must be nil. `sum` may be `x`. Sums and statistics are
    /// fp32, as the stream is: rounding it to bf16 layer after layer would lose what late layers add.
    public func layerNorm(
        _ x: Matrix, adding first: ResidualBranch? = nil, _ second: ResidualBranch? = nil, sum: Matrix? = nil,
        norm: NormOperands, half: HalfMatrix?, full: Matrix? = nil
    ) {
        precondition(
            (first != nil) == (sum != nil) && (first != nil || second == nil), "layerNorm: branches and no sum")
        if let half { requireSameShape(half, x, "layerNorm") }
        for matrix in [sum, full] {
            if let matrix { requireSameShape(matrix, x, "layerNorm") }
        }
        let branches = BranchPair(first, second, rows: x.rows, columns: x.columns, "layerNorm")
        parallel(x.rows, elementsEach: x.columns) { rows in
            branches.forEachPart(of: rows) { part, first, second in
                alta_half_layer_norm(
                    x.base, &first, &second, sum?.base, norm.described, half?.words, full?.base, x.columns,
                    part.lowerBound, part.upperBound)
            }
        }
    }

    /// The gradient of `layerNorm`: `dx (= dSum) + ...` in fp32, and that of each branch, rounded, into its `value`.
    ///
    /// - Parameters:
    ///   - dHalf: the gradient of `half`; `dHalf`, `dFull` or both.
    ///   - dFull: the gradient of `full`.
    ///   - dSum: the gradient that reaches the sum on other ways; nil: none does.
    ///   - sum: what was normalised: `sum`, or `x` where there were no branches.
    ///   - dx: the gradient of `x`; may be `dSum` or `dFull`.
    public func layerNormBackward(
        dHalf: HalfMatrix?, dFull: Matrix? = nil, dSum: Matrix? = nil, sum: Matrix, norm: NormOperands,
        into dx: Matrix, branches first: ResidualBranch? = nil, _ second: ResidualBranch? = nil
    ) {
        precondition(dHalf != nil || dFull != nil, "layerNormBackward of no gradient")
        if let dHalf { requireSameShape(dHalf, sum, "layerNormBackward") }
        for matrix in [dFull, dSum, dx] {
            if let matrix { requireSameShape(matrix, sum, "layerNormBackward") }
        }
        let branches = BranchPair(first, second, rows: sum.rows, columns: sum.columns, "layerNormBackward")
        parallel(sum.rows, elementsEach: sum.columns) { rows in
            branches.forEachPart(of: rows) { part, first, second in
                alta_half_layer_norm_backward(
                    dHalf?.words, dFull?.base, dSum?.base, sum.base, norm.described, dx.base, &first, &second,
                    sum.columns, part.lowerBound, part.upperBound)
            }
        }
    }

    /// The gradients of `layerNorm` in gamma and beta `[C]`, of a range of rows (one study); overwrites.
    ///
    /// `mean` and `reciprocalDeviation` are those of row 0 onwards. Rows are added in ascending order.
    public func layerNormParameterGradient(
        _ dy: HalfMatrix, x: Matrix, mean: UnsafePointer<Float>, reciprocalDeviation: UnsafePointer<Float>,
        rows: Range<Int>, gammaGradient: UnsafeMutablePointer<Float>, betaGradient: UnsafeMutablePointer<Float>
    ) {
        requireSameShape(dy, x, "layerNormParameterGradient")
        precondition(rows.lowerBound >= 0 && rows.upperBound <= x.rows, "rows \(rows) of \(x.shape)")
        parallel(x.columns, elementsEach: rows.count, block: Engine.columnBlock) { columns in
            alta_half_layer_norm_parameters(
                dy.words, x.base, mean, reciprocalDeviation, gammaGradient, betaGradient, x.columns,
                columns.lowerBound, columns.upperBound, rows.lowerBound, rows.upperBound)
        }
    }
}
