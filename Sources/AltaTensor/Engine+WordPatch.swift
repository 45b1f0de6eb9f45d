import AltaCore
import CAltaKernels

// The passes between the products of the word-patch similarity (`local_similarity` of the reference). They run on the
// calling thread: whoever compares many studies shares those out (`share`).
//
// Legend: N words of some reports (a segment each), P patches, C = `paddedColumns(P)`.
extension Engine {
    /// `count` rounded up to whole vectors: the columns of matrices that the word-patch passes work on.
    public static func paddedColumns(_ count: Int) -> Int { (count + vectorWidth - 1) / vectorWidth * vectorWidth }

    private static let vectorWidth = 16

    /// `x` `[N, C]` becomes its softmax over the words of each report, column by column.
    ///
    /// A report of one word gives exactly 1. A column with a NaN becomes NaN.
    public func softmaxOverWords(_ x: Matrix, segments: Segments) {
        requireVectors(x)
        precondition(segments.rows == x.rows, "\(x.shape) with segments of \(segments.rows) rows")
        for report in 0..<segments.count {
            let words = segments[report]
            alta_word_softmax(x.row(words.lowerBound), words.count, x.columns)
        }
    }

    /// The softmax of `scale x` over the patches, in two parts: `exponentials[w, p]` is at most 1, and the softmax is
    /// `exponentials[w, p] reciprocals[w]`. Columns from `patches` on come out as 0.
    ///
    /// - Parameters:
    ///   - x: `[N, C]`, at least 0, as `softmaxOverWords` leaves it.
    ///   - scale: positive.
    ///   - exponentials: `[N, C]`, of either format.
    ///   - reciprocals: `[N]`.
    public func softmaxOverPatches(
        _ x: Matrix, patches: Int, scale: Float, exponentials: Operand, reciprocals: UnsafeMutablePointer<Float>
    ) {
        requireVectors(x)
        precondition(
            exponentials.rows == x.rows && exponentials.columns == x.columns && 0 < patches && patches <= x.columns,
            "softmax of \(x.shape) over \(patches) patches into \(exponentials.shape)")
        alta_patch_softmax(
            x.base, scale, exponentials.format.kernelFormat, exponentials.base, reciprocals, x.rows, x.columns, patches)
    }

    /// The gradient of both softmaxes, one after the other.
    ///
    /// - Parameters:
    ///   - x: `[N, C]`, the softmax over words.
    ///   - exponentials: with `reciprocals`, what `softmaxOverPatches` made of it.
    ///   - gradient: `[N, C]`, that of the softmax over patches, times `reciprocals[w]`; spent.
    ///   - result: `[N, C]`, that of what `softmaxOverWords` was given; in the format of `exponentials`; may be
    ///     `gradient`.
    /// - Returns: the gradient of the logarithm of `scale`.
    public func backThroughSoftmaxes(
        _ x: Matrix, segments: Segments, scale: Float, exponentials: Operand,
        reciprocals: UnsafePointer<Float>, gradient: Matrix, into result: Operand
    ) -> Double {
        requireVectors(x)
        requireSameShape(x, gradient, "back through softmaxes")
        requireSameShape(exponentials, result, "back through softmaxes")
        precondition(exponentials.format == result.format && segments.rows == x.rows, "\(x.shape), \(result.shape)")
        return scratch.scoped {
            let sums = scratch.matrix(1, x.columns)
            return (0..<segments.count).reduce(0.0) { total, report in
                let (words, first) = (segments[report].count, segments[report].lowerBound)
                return total
                    + alta_word_patch_backward(
                        x.row(first), exponentials.format.kernelFormat, exponentials.row(first), reciprocals + first,
                        scale, gradient.row(first), sums.base, result.row(first), words, x.columns)
            }
        }
    }

    /// Per row, the product of `x` and `y` and that of `y` with itself, in double precision. `[rows]` each.
    public func rowProducts(
        _ x: Matrix, _ y: Matrix, products: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
    ) {
        requireSameShape(x, y, "row products")
        alta_row_products(x.base, y.base, products, squares, x.columns, x.rows)
    }

    /// Per row, `z = alpha x + beta y`, computed in fp32. `alpha`, `beta`: `[rows]`.
    public func combineRows(
        _ x: Matrix, _ alpha: UnsafePointer<Float>, _ y: Matrix, _ beta: UnsafePointer<Float>, into z: Operand
    ) {
        requireSameShape(x, y, "combine rows")
        precondition(z.rows == x.rows && z.columns == x.columns, "combine rows of \(x.shape) into \(z.shape)")
        alta_combine_rows(x.base, alpha, y.base, beta, z.format.kernelFormat, z.base, x.columns, x.rows)
    }

    /// Adds each value as fixed point, the integer nearest to value * scale; on the calling thread.
    ///
    /// False if any value is not finite or at least `limit` in magnitude: the sums are then of no use.
    ///
    /// - Parameters:
    ///   - scale: a power of two.
    ///   - limit: `limit * scale` is at most 2^51.
    public func addFixedPoint(
        _ values: UnsafePointer<Float>, count: Int, scale: Double, limit: Float, into sums: UnsafeMutablePointer<Int64>
    ) -> Bool {
        precondition(Double(limit) * scale <= 0x1p51, "a fixed-point limit of \(limit) at a scale of \(scale)")
        return alta_add_scaled_fixed_point(values, scale, limit, sums, count)
    }

    private func requireVectors(_ x: Matrix) {
        precondition(x.columns % Engine.vectorWidth == 0, "\(x.shape), columns not a multiple of \(Engine.vectorWidth)")
    }
}
