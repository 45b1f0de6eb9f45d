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

    /// `weightGradient` of bf16 matrices. Threads share blocks of outputs, so the bits are those of one thread.
    public func weightGradient(_ dy: HalfMatrix, _ x: HalfMatrix, into dw: Matrix, accumulate: Bool) {
        precondition(
            dy.rows == x.rows && dw.rows == dy.columns && dw.columns == x.columns,
            "weight gradient \(dw.shape) of \(dy.shape) and \(x.shape)")
        guard dw.count > 0 else { return }
        guard dy.rows > 0 else {
            if !accumulate { dw.fill(0) }
            return
        }
        operationCount += 2 * dw.count * dy.rows
        let blocks = (dw.rows + Engine.outputBlock - 1) / Engine.outputBlock
        let parts = min(threads, blocks)
        parallelParts(parts) { part in
            for block in stride(from: part, to: blocks, by: parts) {
                let first = block * Engine.outputBlock
                let outputs = first..<min(dw.rows, first + Engine.outputBlock)
                threadProducts[part].run(
                    .weightGradient(
                        rows: dy.rows, outputs: outputs.count, inputs: x.columns, dyStride: dy.columns,
                        dwStride: dw.columns, accumulate: accumulate),
                    x: dy.base + first, w: x.base, y: dw.row(first))
            }
        }
    }

    /// Outputs are taken in blocks of this many, however many threads there are: a row's bits depend on how many outputs
    /// a product has.
    private static let outputBlock = 384

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
        let status = alta_sgemm(
            Int32(threads), transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
        precondition(status == 0, "oneDNN refused a product of \(m) x \(n) x \(k): status \(status)")
    }

    /// A product over nothing: `C = beta C`.
    private func scaleRows(_ m: Int, _ n: Int, by beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int) {
        for row in 0..<m {
            for column in 0..<n { c[row * ldc + column] = beta == 0 ? 0 : beta * c[row * ldc + column] }
        }
    }
}
