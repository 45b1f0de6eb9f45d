import CAltaKernels

extension Engine {
    /// `dW [outputs, inputs] (+)= dy [R, outputs]^T . x [R, inputs]` in fp32, over exactly R rows; `dy` and `x` have one
    /// format.
    public func weightGradient(_ dy: Operand, _ x: Operand, into dw: Matrix, accumulate: Bool) {
        switch (dy, x) {
        case (.full(let dy), .full(let x)): weightGradient(dy, x, into: dw, accumulate: accumulate)
        case (.half(let dy), .half(let x)): weightGradient(dy, x, into: dw, accumulate: accumulate)
        default: preconditionFailure("a weight gradient of \(dy.format) and \(x.format)")
        }
    }

    /// `weightGradient` of fp32 matrices.
    public func weightGradient(_ dy: Matrix, _ x: Matrix, into dw: Matrix, accumulate: Bool) {
        precondition(
            dy.rows == x.rows && dw.rows == dy.columns && dw.columns == x.columns,
            "weight gradient \(dw.shape) of \(dy.shape) and \(x.shape)")
        product(
            m: dy.columns, n: x.columns, k: dy.rows, alpha: 1, a: dy.base, lda: dy.columns, transposeA: true,
            b: x.base, ldb: x.columns, transposeB: false, beta: accumulate ? 1 : 0, c: dw.base, ldc: dw.columns)
    }

    /// `C [m, n] = alpha op(A) op(B) + beta C` on row-major matrices whose stored rows lie `lda`, `ldb`, `ldc` apart.
    ///
    /// op(A) is `[m, k]`, op(B) `[k, n]`. With `beta` 0, C is not read.
    public func product(
        m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int, transposeA: Bool,
        b: UnsafePointer<Float>, ldb: Int, transposeB: Bool, beta: Float, c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard m > 0 && n > 0 else { return }
        guard k > 0 else { return scaleRows(m, n, by: beta, c, ldc) }
        operationCount += 2 * m * n * k
        kernels.product(
            threads: threads, m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, b: b, ldb: ldb,
            transposeB: transposeB, beta: beta, c: c, ldc: ldc)
    }

    /// A product over nothing: `C = beta C`.
    private func scaleRows(_ m: Int, _ n: Int, by beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int) {
        for row in 0..<m {
            for column in 0..<n { c[row * ldc + column] = beta == 0 ? 0 : beta * c[row * ldc + column] }
        }
    }
}
