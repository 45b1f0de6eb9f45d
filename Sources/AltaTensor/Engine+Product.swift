import CAltaKernels

/// What tells one oneDNN primitive from another.
struct ProductShape: Hashable {
    let rows: Int
    let inner: Int
    let columns: Int
    let hasBias: Bool
    let accumulate: Bool
}

extension Engine {
    /// `y [R, outputs] = x [R, inputs] . W^T + bias [outputs]`, or added to what `y` holds.
    ///
    /// A row's bits do not depend on R nor on the other rows. `y` must not overlap `x`.
    public func forward(
        _ x: Matrix, _ w: PackedMatrix, bias: UnsafePointer<Float>?, into y: Matrix, accumulate: Bool = false
    ) {
        guard let storage = w.forwardStorage else { preconditionFailure("a weight not packed for forward()") }
        precondition(
            x.columns == w.inputs && y.columns == w.outputs && x.rows == y.rows,
            "\(y.shape) = \(x.shape) times a weight [\(w.outputs), \(w.inputs)] transposed")
        multiply(x, storage, bias: bias, into: y, accumulate: accumulate)
    }

    /// `dx [R, inputs] (+)= dy [R, outputs] . W`. A row's bits do not depend on R nor on the other rows.
    public func backward(_ dy: Matrix, _ w: PackedMatrix, into dx: Matrix, accumulate: Bool) {
        guard let storage = w.backwardStorage else { preconditionFailure("a weight not packed for backward()") }
        precondition(
            dy.columns == w.outputs && dx.columns == w.inputs && dx.rows == dy.rows,
            "\(dx.shape) = \(dy.shape) times a weight [\(w.outputs), \(w.inputs)]")
        multiply(dy, storage, bias: nil, into: dx, accumulate: accumulate)
    }

    /// `dW [outputs, inputs] (+)= dy [R, outputs]^T . x [R, inputs]`, over exactly R rows.
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

    /// `y (+)= x . w` in whole multiples of `rowMultiple`, in place where both matrices have the slack.
    ///
    /// Primitives are made for such multiples only: their number stays bounded, and no kernel for odd row counts (a
    /// single row goes another way in oneDNN) can give a row other bits.
    private func multiply(
        _ x: Matrix, _ w: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?, into y: Matrix, accumulate: Bool
    ) {
        operationCount += 2 * x.rows * x.columns * y.columns
        let padded = Engine.paddedRows(x.rows)
        let inPlace = padded - x.rows <= min(x.slackRows, y.slackRows) ? padded : padded - Engine.rowMultiple
        if inPlace > 0 {
            run(rows: inPlace, x.base, x.columns, w, bias, y.base, y.columns, accumulate: accumulate)
        }
        guard inPlace < x.rows else { return }
        let rest = inPlace..<x.rows
        scratch.scoped {
            let xRest = scratch.matrix(rest.count, x.columns)
            let yRest = scratch.matrix(rest.count, y.columns)
            xRest.copy(from: x.rows(rest))
            if accumulate { yRest.copy(from: y.rows(rest)) }
            run(
                rows: Engine.rowMultiple, xRest.base, x.columns, w, bias, yRest.base, y.columns,
                accumulate: accumulate)
            y.rows(rest).copy(from: yRest)
        }
    }

    private func run(
        rows: Int, _ x: UnsafePointer<Float>, _ inner: Int, _ w: UnsafeMutableRawPointer,
        _ bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>, _ columns: Int, accumulate: Bool
    ) {
        let shape = ProductShape(
            rows: rows, inner: inner, columns: columns, hasBias: bias != nil, accumulate: accumulate)
        let status = alta_matmul_run(handle, primitive(shape), x, w, bias, y)
        precondition(status == 0, "oneDNN failed on \(shape): status \(status)")
    }

    func primitive(_ shape: ProductShape) -> OpaquePointer {
        if let known = products[shape] { return known }
        var made: OpaquePointer?
        let status = alta_matmul_create(
            handle, shape.rows, shape.inner, shape.columns, shape.hasBias, shape.accumulate, &made)
        guard status == 0, let made else { preconditionFailure("oneDNN has no \(shape): status \(status)") }
        products[shape] = made
        return made
    }
}
