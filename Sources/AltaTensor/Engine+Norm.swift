import CAltaKernels

extension Engine {
    /// LayerNorm of each row: `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, population variance (torch).
    ///
    /// `x`, `y` `[R, C]` (may be the same), `gamma`, `beta` `[C]`; keeps `mean`, `reciprocalDeviation` `[R]`.
    public func layerNorm(
        _ x: Matrix, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float, into y: Matrix,
        mean: UnsafeMutablePointer<Float>, reciprocalDeviation: UnsafeMutablePointer<Float>
    ) {
        requireSameShape(x, y, "layerNorm")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_layer_norm(
                x.base, gamma, beta, epsilon, y.base, mean, reciprocalDeviation, x.columns, rows.lowerBound,
                rows.upperBound)
        }
    }

    /// The gradient of `layerNorm` in `x`: `dx (+)= ...`, all `[R, C]`; `dx` may be `dy`.
    public func layerNormBackward(
        _ dy: Matrix, x: Matrix, gamma: UnsafePointer<Float>, mean: UnsafePointer<Float>,
        reciprocalDeviation: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        requireSameShape(dy, x, "layerNormBackward")
        requireSameShape(dx, x, "layerNormBackward")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_layer_norm_backward(
                dy.base, x.base, gamma, mean, reciprocalDeviation, dx.base, accumulate, x.columns, rows.lowerBound,
                rows.upperBound)
        }
    }

    /// The gradients of `layerNorm` in gamma and beta `[C]`, of a range of rows (one study); overwrites.
    ///
    /// `mean` and `reciprocalDeviation` are those of row 0 onwards. Rows are added in ascending order.
    public func layerNormParameterGradient(
        _ dy: Matrix, x: Matrix, mean: UnsafePointer<Float>, reciprocalDeviation: UnsafePointer<Float>,
        rows: Range<Int>, gammaGradient: UnsafeMutablePointer<Float>, betaGradient: UnsafeMutablePointer<Float>
    ) {
        requireSameShape(dy, x, "layerNormParameterGradient")
        precondition(rows.lowerBound >= 0 && rows.upperBound <= x.rows, "rows \(rows) of \(x.shape)")
        parallel(x.columns, elementsEach: rows.count, block: Engine.columnBlock) { columns in
            alta_layer_norm_parameters(
                dy.base, x.base, mean, reciprocalDeviation, gammaGradient, betaGradient, x.columns,
                columns.lowerBound, columns.upperBound, rows.lowerBound, rows.upperBound)
        }
    }

    /// Each row divided by max(its L2 norm, 1e-12), as `F.normalize`; keeps the divisors in `norms` `[R]`.
    public func normalizeRows(_ x: Matrix, into y: Matrix, norms: UnsafeMutablePointer<Float>) {
        requireSameShape(x, y, "normalizeRows")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_normalize_rows(x.base, y.base, norms, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// The gradient of `normalizeRows`: `dx (+)= (dy - (dy . y) y) / norm`, from its result and its divisors.
    public func normalizeRowsBackward(
        _ dy: Matrix, y: Matrix, norms: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        requireSameShape(dy, y, "normalizeRowsBackward")
        requireSameShape(dx, y, "normalizeRowsBackward")
        parallel(y.rows, elementsEach: y.columns) { rows in
            alta_normalize_rows_backward(
                dy.base, y.base, norms, dx.base, accumulate, y.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// Each row `[E]` minus its mean, over sqrt(unbiased variance + 1e-6): the targets of patch reconstruction.
    public func standardizePatches(_ x: Matrix, into y: Matrix) {
        requireSameShape(x, y, "standardizePatches")
        precondition(x.columns > 1, "the variance of patches with \(x.columns) pixels")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_standardize(x.base, y.base, x.columns, rows.lowerBound, rows.upperBound)
        }
    }
}
