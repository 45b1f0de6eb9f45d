import CAltaKernels

extension Engine {
    /// Sums of squares are taken over blocks of so many numbers, so that who takes them leaves the bits.
    public static let settleBlock = 1 << 14

    /// `values = sums * 2^-44`, and the sum of squares of each block of `settleBlock` values, in one pass: a block's values
    /// are still in the cache when they are squared.
    ///
    /// - Parameters:
    ///   - values: `[count]`, written.
    ///   - squares: one for each block, written; not finite where a value is not.
    public func settle(
        _ sums: UnsafePointer<Int64>, count: Int, into values: UnsafeMutablePointer<Float>,
        squares: UnsafeMutablePointer<Double>
    ) {
        forEachSettleBlock(count) { block, range in
            alta_fixed_point_to_float(sums + range.lowerBound, values + range.lowerBound, range.count)
            squares[block] = alta_sum_of_squares(values + range.lowerBound, range.count)
        }
    }

    /// The sum of squares of each block of `settleBlock` values.
    public func blockSquares(
        _ values: UnsafePointer<Float>, count: Int, into squares: UnsafeMutablePointer<Double>
    ) {
        forEachSettleBlock(count) { block, range in
            squares[block] = alta_sum_of_squares(values + range.lowerBound, range.count)
        }
    }

    private func forEachSettleBlock(_ count: Int, _ body: (Int, Range<Int>) -> Void) {
        parallel(count, elementsEach: 1, block: Engine.settleBlock) { part in
            for start in stride(from: part.lowerBound, to: part.upperBound, by: Engine.settleBlock) {
                body(start / Engine.settleBlock, start..<min(part.upperBound, start + Engine.settleBlock))
            }
        }
    }
}
