import CAltaKernels

extension Engine {
    /// The exact GELU, `y = x (1 + erf(x / sqrt 2)) / 2`, within 2.1e-5 before it is rounded; `y` may be `x`.
    public func gelu(_ x: HalfMatrix, into y: HalfMatrix) {
        requireSameShape(x, y, "gelu")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_gelu(x.words, y.words, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// The exact GELU of fp32 numbers, within 2.1e-5 before it is rounded.
    public func gelu(_ x: Matrix, into y: HalfMatrix) {
        requireSameShape(y, x, "gelu")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_gelu_from_float(x.base, y.words, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// `dx (+)= dy . gelu'(x)`, the slope within 7e-5; `dx` may be `dy` or, where it does not accumulate, `x`.
    public func geluBackward(_ dy: HalfMatrix, x: HalfMatrix, into dx: HalfMatrix, accumulate: Bool) {
        requireSameShape(dy, x, "geluBackward")
        requireSameShape(dx, x, "geluBackward")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_gelu_backward(
                dy.words, x.words, dx.words, accumulate, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// `z = x + scaleY y`; `z` may be either.
    public func add(_ x: HalfMatrix, _ y: HalfMatrix, scaleY: Float = 1, into z: HalfMatrix) {
        requireSameShape(x, y, "add")
        requireSameShape(x, z, "add")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_add_scaled(
                x.words, y.words, scaleY, z.words, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// `z = x + scaleY y` in fp32; `z` may be `x`.
    public func add(_ x: Matrix, _ y: HalfMatrix, scaleY: Float = 1, into z: Matrix) {
        requireSameShape(y, x, "add")
        requireSameShape(x, z, "add")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_add_to_float(
                x.base, y.words, scaleY, z.base, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// The fp32 sum of each column over a range of rows, added in ascending order; overwrites `sums` `[C]`.
    public func columnSums(_ x: HalfMatrix, rows: Range<Int>, into sums: UnsafeMutablePointer<Float>) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= x.rows, "rows \(rows) of \(x.shape)")
        parallel(x.columns, elementsEach: rows.count, block: Engine.columnBlock) { columns in
            alta_half_column_sums(
                x.words, sums, x.columns, columns.lowerBound, columns.upperBound, rows.lowerBound, rows.upperBound)
        }
    }
}
