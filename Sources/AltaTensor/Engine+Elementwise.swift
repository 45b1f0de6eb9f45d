import AltaCore
import CAltaKernels

extension Engine {
    /// Column ranges of threads begin at multiples of this, so that a column's place in the vector loop is the same.
    static let columnBlock = 256

    /// The exact GELU, `y = x (1 + erf(x / sqrt 2)) / 2`, within 1e-6; `y` may be `x`.
    public func gelu(_ x: Matrix, into y: Matrix) {
        requireSameShape(x, y, "gelu")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_gelu(x.base, y.base, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// `dx (+)= dy . gelu'(x)`; `dx` may be `dy` or, where it does not accumulate, `x`.
    public func geluBackward(_ dy: Matrix, x: Matrix, into dx: Matrix, accumulate: Bool) {
        requireSameShape(dy, x, "geluBackward")
        requireSameShape(dx, x, "geluBackward")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_gelu_backward(dy.base, x.base, dx.base, accumulate, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// The sum of each column over a range of rows, added in ascending order; overwrites `sums` `[C]`.
    public func columnSums(_ x: Matrix, rows: Range<Int>, into sums: UnsafeMutablePointer<Float>) {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= x.rows, "rows \(rows) of \(x.shape)")
        parallel(x.columns, elementsEach: rows.count, block: Engine.columnBlock) { columns in
            alta_column_sums(
                x.base, sums, x.columns, columns.lowerBound, columns.upperBound, rows.lowerBound, rows.upperBound)
        }
    }

    /// `z = x + scaleY y`; `z` may be either.
    public func add(_ x: Matrix, _ y: Matrix, scaleY: Float = 1, into z: Matrix) {
        requireSameShape(x, y, "add")
        requireSameShape(x, z, "add")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_add_scaled(x.base, y.base, scaleY, z.base, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// `y = factor x`; `y` may be `x`.
    public func scale(_ x: Matrix, by factor: Float, into y: Matrix) {
        requireSameShape(x, y, "scale")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_scale(x.base, factor, y.base, x.columns, rows.lowerBound, rows.upperBound)
        }
    }

    /// `destination += scale source`.
    public func addInto(_ destination: Matrix, _ source: Matrix, scale: Float = 1) {
        add(destination, source, scaleY: scale, into: destination)
    }

    /// Dropout of the rows `rows` (one study's): zero where dropped, else times 1 / (1 - rate); `y` may be `x`.
    ///
    /// Element `e`, counted from the first element of the range, is kept where `key.word(e) >= rate * 2^32`. The same
    /// call with the gradient in place of `x` is its own backward pass. Other rows of `y` are left alone.
    public func dropout(_ x: Matrix, rows: Range<Int>, key: RandomKey, rate: Float, into y: Matrix) {
        requireSameShape(x, y, "dropout")
        precondition(rows.lowerBound >= 0 && rows.upperBound <= x.rows, "rows \(rows) of \(x.shape)")
        let law = DropoutLaw(rate: rate)
        let (from, to) = (x.row(rows.lowerBound), y.row(rows.lowerBound))
        parallel(rows.count * x.columns, elementsEach: 1, block: 64) { elements in
            alta_dropout(
                from + elements.lowerBound, to + elements.lowerBound, key.bits, law.threshold, law.scale,
                Int64(elements.lowerBound), Int64(elements.count))
        }
    }
}
