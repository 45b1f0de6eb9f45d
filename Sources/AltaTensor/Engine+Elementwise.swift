import AltaCore

extension Engine {
    /// The exact GELU, `y = x (1 + erf(x / sqrt 2)) / 2`, within 1e-6; `y` may be `x`.
    public func gelu(_ x: Matrix, into y: Matrix) { Naive.gelu(x, into: y) }

    /// `dx (+)= dy . gelu'(x)`; `dx` may be `dy` or `x`.
    public func geluBackward(_ dy: Matrix, x: Matrix, into dx: Matrix, accumulate: Bool) {
        Naive.geluBackward(dy, x: x, into: dx, accumulate: accumulate)
    }

    /// The sum of each column over a range of rows, added in ascending order; overwrites `sums` `[C]`.
    public func columnSums(_ x: Matrix, rows: Range<Int>, into sums: UnsafeMutablePointer<Float>) {
        Naive.columnSums(x, rows: rows, into: sums)
    }

    /// `z = x + scaleY y`; `z` may be either.
    public func add(_ x: Matrix, _ y: Matrix, scaleY: Float = 1, into z: Matrix) {
        Naive.add(x, y, scaleY: scaleY, into: z)
    }

    /// `y = factor x`; `y` may be `x`.
    public func scale(_ x: Matrix, by factor: Float, into y: Matrix) { Naive.scale(x, by: factor, into: y) }

    /// `destination += scale source`.
    public func addInto(_ destination: Matrix, _ source: Matrix, scale: Float = 1) {
        Naive.add(destination, source, scaleY: scale, into: destination)
    }

    /// Dropout of the rows `rows` (one study's): zero where dropped, else times 1 / (1 - rate); `y` may be `x`.
    ///
    /// Element `e`, counted from the first element of the range, is kept where `key.word(e) >= rate * 2^32`. The same
    /// call with the gradient in place of `x` is its own backward pass. Other rows of `y` are left alone.
    public func dropout(_ x: Matrix, rows: Range<Int>, key: RandomKey, rate: Float, into y: Matrix) {
        Naive.dropout(x, rows: rows, key: key, rate: rate, into: y)
    }
}
