extension Engine {
    /// Packs a weight `[outputs, inputs]` for products with it. The weight is not kept.
    public func pack(_ weight: Matrix, directions: PackDirections = .both) -> PackedMatrix {
        let region = Region(byteCount: weight.count * 4)
        region.matrix(weight.rows, weight.columns).copy(from: weight)
        return PackedMatrix(
            outputs: weight.rows, inputs: weight.columns, directions: directions, forwardStorage: region.base,
            backwardStorage: region.base, owner: region)
    }

    /// Packs new values of a weight over the old ones.
    public func repack(_ packed: PackedMatrix, from weight: Matrix) {
        packed.naive.copy(from: weight)
    }

    /// `y [R, outputs] = x [R, inputs] . W^T + bias [outputs]`, or added to what `y` holds.
    ///
    /// A row's bits do not depend on R nor on the other rows. `y` must not overlap `x`.
    public func forward(
        _ x: Matrix, _ w: PackedMatrix, bias: UnsafePointer<Float>?, into y: Matrix, accumulate: Bool = false
    ) {
        Naive.forward(x, w.naive, bias: bias, into: y, accumulate: accumulate)
    }

    /// `dx [R, inputs] (+)= dy [R, outputs] . W`. A row's bits do not depend on R nor on the other rows.
    public func backward(_ dy: Matrix, _ w: PackedMatrix, into dx: Matrix, accumulate: Bool) {
        Naive.backward(dy, w.naive, into: dx, accumulate: accumulate)
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
        Naive.product(
            m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, b: b, ldb: ldb,
            transposeB: transposeB, beta: beta, c: c, ldc: ldc)
    }

    /// Whether a row of `forward` has the same bits among 16 rows and among many, as reproducible runs need.
    ///
    /// Not so where oneDNN has no packed kernel for the processor (AVX2 and below): to be asked at start.
    public func checkRowIndependence() -> Bool { true }
}

extension PackedMatrix {
    var naive: Matrix {
        guard let storage = forwardStorage else { preconditionFailure("not packed") }
        return Matrix(base: storage.assumingMemoryBound(to: Float.self), rows: outputs, columns: inputs)
    }
}
