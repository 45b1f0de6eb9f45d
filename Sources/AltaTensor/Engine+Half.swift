import CAltaKernels

extension Engine {
    /// `y = x`, rounded to the nearest bf16 number.
    public func convert(_ x: Matrix, into y: HalfMatrix) {
        requireSameShape(y, x, "convert")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_from_float(
                x.row(rows.lowerBound), y.words + rows.lowerBound * y.columns, rows.count * x.columns)
        }
    }

    /// `y = x`, exactly.
    public func convert(_ x: HalfMatrix, into y: Matrix) {
        requireSameShape(x, y, "convert")
        parallel(x.rows, elementsEach: x.columns) { rows in
            alta_half_to_float(
                x.words + rows.lowerBound * x.columns, y.row(rows.lowerBound), rows.count * x.columns)
        }
    }
}
