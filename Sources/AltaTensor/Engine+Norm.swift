extension Engine {
    /// LayerNorm of each row: `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, population variance (torch).
    ///
    /// `x`, `y` `[R, C]` (may be the same), `gamma`, `beta` `[C]`; keeps `mean`, `reciprocalDeviation` `[R]`.
    public func layerNorm(
        _ x: Matrix, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float, into y: Matrix,
        mean: UnsafeMutablePointer<Float>, reciprocalDeviation: UnsafeMutablePointer<Float>
    ) {
        Naive.layerNorm(
            x, gamma: gamma, beta: beta, epsilon: epsilon, into: y, mean: mean,
            reciprocalDeviation: reciprocalDeviation)
    }

    /// The gradient of `layerNorm` in `x`: `dx (+)= ...`, all `[R, C]`; `dx` may be `dy`.
    public func layerNormBackward(
        _ dy: Matrix, x: Matrix, gamma: UnsafePointer<Float>, mean: UnsafePointer<Float>,
        reciprocalDeviation: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        Naive.layerNormBackward(
            dy, x: x, gamma: gamma, mean: mean, reciprocalDeviation: reciprocalDeviation, into: dx,
            accumulate: accumulate)
    }

    /// The gradients of `layerNorm` in gamma and beta `[C]`, of a range of rows (one study); overwrites.
    ///
    /// `mean` and `reciprocalDeviation` are those of row 0 onwards. Rows are added in ascending order.
    public func layerNormParameterGradient(
        _ dy: Matrix, x: Matrix, mean: UnsafePointer<Float>, reciprocalDeviation: UnsafePointer<Float>,
        rows: Range<Int>, gammaGradient: UnsafeMutablePointer<Float>, betaGradient: UnsafeMutablePointer<Float>
    ) {
        Naive.layerNormParameterGradient(
            dy, x: x, mean: mean, reciprocalDeviation: reciprocalDeviation, rows: rows, gammaGradient: gammaGradient,
            betaGradient: betaGradient)
    }

    /// Each row divided by max(its L2 norm, 1e-12), as `F.normalize`; keeps the divisors in `norms` `[R]`.
    public func normalizeRows(_ x: Matrix, into y: Matrix, norms: UnsafeMutablePointer<Float>) {
        Naive.normalizeRows(x, into: y, norms: norms)
    }

    /// The gradient of `normalizeRows`: `dx (+)= (dy - (dy . y) y) / norm`, from its result and its divisors.
    public func normalizeRowsBackward(
        _ dy: Matrix, y: Matrix, norms: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        Naive.normalizeRowsBackward(dy, y: y, norms: norms, into: dx, accumulate: accumulate)
    }

    /// Each row `[E]` minus its mean, over sqrt(unbiased variance + 1e-6): the targets of patch reconstruction.
    public func standardizePatches(_ x: Matrix, into y: Matrix) { Naive.standardizePatches(x, into: y) }
}
