// Weights packed without oneDNN: plain rows `[inner, columns]`.
extension Naive {
    /// Stores a weight that holds `[inner, columns]`, or `[columns, inner]` where transposed, its rows `stride` apart.
    static func pack(
        inner: Int, columns: Int, transposed: Bool, from weight: UnsafePointer<Float>, stride: Int,
        into packed: UnsafeMutableRawPointer
    ) {
        let packed = packed.assumingMemoryBound(to: Float.self)
        for row in 0..<inner {
            for column in 0..<columns {
                packed[row * columns + column] =
                    transposed ? weight[column * stride + row] : weight[row * stride + column]
            }
        }
    }

    /// `y [R, columns] = x [R, inner] . w + bias`, or added to what `y` holds.
    static func packedProduct(
        _ x: Matrix, _ w: UnsafeRawPointer, bias: UnsafePointer<Float>?, into y: Matrix, rows: Int, accumulate: Bool
    ) {
        let w = w.assumingMemoryBound(to: Float.self)
        for row in 0..<rows {
            for column in 0..<y.columns {
                var sum = Double(bias?[column] ?? 0) + (accumulate ? Double(y.base[row * y.columns + column]) : 0)
                for inner in 0..<x.columns {
                    sum += Double(x.base[row * x.columns + inner]) * Double(w[inner * y.columns + column])
                }
                y.base[row * y.columns + column] = Float(sum)
            }
        }
    }
}
