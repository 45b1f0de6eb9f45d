extension Naive {
    /// LayerNorm of each row (population variance, as torch's).
    public static func layerNorm(
        _ x: Matrix, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float, into y: Matrix,
        mean: UnsafeMutablePointer<Float>, reciprocalDeviation: UnsafeMutablePointer<Float>
    ) {
        let width = Double(x.columns)
        for i in 0..<x.rows {
            let row = (0..<x.columns).map { Double(x[i, $0]) }
            let center = row.reduce(0, +) / width
            let variance = row.reduce(0) { $0 + ($1 - center) * ($1 - center) } / width
            let reciprocal = 1 / (variance + Double(epsilon)).squareRoot()
            mean[i] = Float(center)
            reciprocalDeviation[i] = Float(reciprocal)
            for j in 0..<x.columns {
                y[i, j] = Float((row[j] - center) * reciprocal * Double(gamma[j]) + Double(beta[j]))
            }
        }
    }

    /// The gradient of `layerNorm` in `x`.
    public static func layerNormBackward(
        _ dy: Matrix, x: Matrix, gamma: UnsafePointer<Float>, mean: UnsafePointer<Float>,
        reciprocalDeviation: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        let width = Double(x.columns)
        for i in 0..<x.rows {
            let reciprocal = Double(reciprocalDeviation[i])
            let normal = (0..<x.columns).map { (Double(x[i, $0]) - Double(mean[i])) * reciprocal }
            let scaled = (0..<x.columns).map { Double(dy[i, $0]) * Double(gamma[$0]) }
            let sum = scaled.reduce(0, +) / width
            let product = zip(scaled, normal).reduce(0) { $0 + $1.0 * $1.1 } / width
            for j in 0..<x.columns {
                let gradient = reciprocal * (scaled[j] - sum - normal[j] * product)
                dx[i, j] = Float((accumulate ? Double(dx[i, j]) : 0) + gradient)
            }
        }
    }

    /// The gradients of `layerNorm` in gamma and beta, summed over a range of rows.
    public static func layerNormParameterGradient(
        _ dy: Matrix, x: Matrix, mean: UnsafePointer<Float>, reciprocalDeviation: UnsafePointer<Float>,
        rows: Range<Int>, gammaGradient: UnsafeMutablePointer<Float>, betaGradient: UnsafeMutablePointer<Float>
    ) {
        for j in 0..<x.columns {
            var gamma = 0.0
            var beta = 0.0
            for i in rows {
                let normal = (Double(x[i, j]) - Double(mean[i])) * Double(reciprocalDeviation[i])
                gamma += Double(dy[i, j]) * normal
                beta += Double(dy[i, j])
            }
            gammaGradient[j] = Float(gamma)
            betaGradient[j] = Float(beta)
        }
    }

    /// Each row divided by max(its L2 norm, 1e-12), as `F.normalize`.
    public static func normalizeRows(_ x: Matrix, into y: Matrix, norms: UnsafeMutablePointer<Float>) {
        for i in 0..<x.rows {
            let squares = (0..<x.columns).reduce(0.0) { $0 + Double(x[i, $1]) * Double(x[i, $1]) }
            let norm = max(squares.squareRoot(), 1e-12)
            norms[i] = Float(norm)
            for j in 0..<x.columns { y[i, j] = Float(Double(x[i, j]) / norm) }
        }
    }

    /// The gradient of `normalizeRows` in `x`.
    public static func normalizeRowsBackward(
        _ dy: Matrix, y: Matrix, norms: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        for i in 0..<y.rows {
            let product = (0..<y.columns).reduce(0.0) { $0 + Double(dy[i, $1]) * Double(y[i, $1]) }
            // At the clamp the norm is a constant, so that nothing flows through it.
            let along = norms[i] > 1e-12 ? product : 0
            for j in 0..<y.columns {
                let gradient = (Double(dy[i, j]) - along * Double(y[i, j])) / Double(norms[i])
                dx[i, j] = Float((accumulate ? Double(dx[i, j]) : 0) + gradient)
            }
        }
    }

    /// Each row minus its mean, over the square root of its unbiased variance plus 1e-6 (MAE's patch targets).
    public static func standardizePatches(_ x: Matrix, into y: Matrix) {
        for i in 0..<x.rows {
            let row = (0..<x.columns).map { Double(x[i, $0]) }
            let mean = row.reduce(0, +) / Double(x.columns)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.columns - 1)
            for j in 0..<x.columns { y[i, j] = Float((row[j] - mean) / (variance + 1e-6).squareRoot()) }
        }
    }
}
