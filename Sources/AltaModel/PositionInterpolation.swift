import AltaData

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
        let axis = ResampleAxis.fourTaps(inputSize: sourceGrid, outputSize: targetGrid)
        for row in 0..<targetGrid {
            for column in 0..<targetGrid {
                let start = (1 + row * targetGrid + column) * width
                for index in 0..<width {
                    let sum = axis.sum(at: row) { sourceRow in
                        axis.sum(at: column) { sourceColumn in
                            Double(source[(1 + sourceRow * sourceGrid + sourceColumn) * width + index])
                        }
                    }
                    target[start + index] = Float(sum)
                }
            }
        }
    }
}
