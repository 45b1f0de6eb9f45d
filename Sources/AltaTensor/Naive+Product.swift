extension Naive {
    /// `C [m, n] = alpha op(A) op(B) + beta C`, row-major; `lda`, `ldb`, `ldc` are distances between stored rows.
    public static func product(
        m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int, transposeA: Bool,
        b: UnsafePointer<Float>, ldb: Int, transposeB: Bool, beta: Float, c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        for i in 0..<m {
            for j in 0..<n {
                var sum = 0.0
                for l in 0..<k {
                    let left = transposeA ? a[l * lda + i] : a[i * lda + l]
                    let right = transposeB ? b[j * ldb + l] : b[l * ldb + j]
                    sum += Double(left) * Double(right)
                }
                let old = beta == 0 ? 0 : Double(beta) * Double(c[i * ldc + j])
                c[i * ldc + j] = Float(Double(alpha) * sum + old)
            }
        }
    }

    /// `y [R, outputs] = x [R, inputs] . weight^T (+ bias) (+ y)`.
    public static func forward(
        _ x: Matrix, _ weight: Matrix, bias: UnsafePointer<Float>?, into y: Matrix, accumulate: Bool = false
    ) {
        for i in 0..<x.rows {
            for j in 0..<weight.rows {
                var sum = Double(bias?[j] ?? 0) + (accumulate ? Double(y[i, j]) : 0)
                for l in 0..<x.columns { sum += Double(x[i, l]) * Double(weight[j, l]) }
                y[i, j] = Float(sum)
            }
        }
    }

    /// `dx [R, inputs] (+)= dy [R, outputs] . weight`.
    public static func backward(_ dy: Matrix, _ weight: Matrix, into dx: Matrix, accumulate: Bool) {
        product(
            m: dy.rows, n: weight.columns, k: weight.rows, alpha: 1, a: dy.base, lda: dy.columns, transposeA: false,
            b: weight.base, ldb: weight.columns, transposeB: false, beta: accumulate ? 1 : 0, c: dx.base,
            ldc: dx.columns)
    }

    /// `dW [outputs, inputs] (+)= dy^T . x`.
    public static func weightGradient(_ dy: Matrix, _ x: Matrix, into dw: Matrix, accumulate: Bool) {
        product(
            m: dy.columns, n: x.columns, k: dy.rows, alpha: 1, a: dy.base, lda: dy.columns, transposeA: true,
            b: x.base, ldb: x.columns, transposeB: false, beta: accumulate ? 1 : 0, c: dw.base, ldc: dw.columns)
    }
}
