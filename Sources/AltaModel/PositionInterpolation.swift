/// Position embeddings for another number of patches.
public enum PositionInterpolation {
    /// The side of the grid of `[1, 1 + side^2, width]` positions; nil where the patches form no square.
    public static func grid(tokens: Int) -> Int? {
        guard tokens > 1 else { return nil }
        let side = Int(Double(tokens - 1).squareRoot().rounded())
        return side * side == tokens - 1 ? side : nil
    }

    /// Fills `target` with `source`'s grid, interpolated bicubically; the first token (CLS) stays as it is.
    ///
    /// Source: `torch.nn.functional.interpolate(mode="bicubic", align_corners=False, antialias=False)`, as MAE and DeiT
    /// use it.
    /// - Parameters:
    ///   - source: `[1 + sourceGrid^2, width]`.
    ///   - target: `[1 + targetGrid^2, width]`.
    public static func fill(
        _ target: UnsafeMutableBufferPointer<Float>, grid targetGrid: Int, from source: UnsafeBufferPointer<Float>,
        grid sourceGrid: Int, width: Int
    ) {
        precondition(source.count == (1 + sourceGrid * sourceGrid) * width, "\(source.count) source positions")
        precondition(target.count == (1 + targetGrid * targetGrid) * width, "\(target.count) target positions")
        for column in 0..<width { target[column] = source[column] }
        let taps = (0..<targetGrid).map { BicubicTaps.make(place: $0, from: sourceGrid, to: targetGrid) }
        for row in 0..<targetGrid {
            for column in 0..<targetGrid {
                let start = (1 + row * targetGrid + column) * width
                for index in 0..<width {
                    target[start + index] = value(taps[row], taps[column]) { sourceRow, sourceColumn in
                        source[(1 + sourceRow * sourceGrid + sourceColumn) * width + index]
                    }
                }
            }
        }
    }

    private static func value(_ rows: BicubicTaps, _ columns: BicubicTaps, _ at: (Int, Int) -> Float) -> Float {
        var sum = 0.0
        for (row, rowWeight) in zip(rows.places, rows.weights) {
            var line = 0.0
            for (column, weight) in zip(columns.places, columns.weights) { line += weight * Double(at(row, column)) }
            sum += rowWeight * line
        }
        return Float(sum)
    }
}

/// The four places along one axis that make an interpolated value, and their weights.
private struct BicubicTaps {
    let places: [Int]
    let weights: [Double]

    /// The constant of the cubic that torch uses.
    private static let sharpness = -0.75

    static func make(place: Int, from source: Int, to target: Int) -> BicubicTaps {
        let center = (Double(place) + 0.5) * Double(source) / Double(target) - 0.5
        let start = center.rounded(.down)
        let fraction = center - start
        // Places beyond the edge repeat it.
        let places = (-1...2).map { min(max(Int(start) + $0, 0), source - 1) }
        let weights = [outer(1 + fraction), inner(fraction), inner(1 - fraction), outer(2 - fraction)]
        return BicubicTaps(places: places, weights: weights)
    }

    private static func inner(_ x: Double) -> Double { ((sharpness + 2) * x - (sharpness + 3)) * x * x + 1 }

    private static func outer(_ x: Double) -> Double {
        ((sharpness * x - 5 * sharpness) * x + 8 * sharpness) * x - 4 * sharpness
    }
}
