import AltaTensor

/// Sums that do not depend on the order of their terms: int64 fixed point.
///
/// A term v becomes the integer nearest to v * 2^shift; integers add without rounding, so any number of ranks and any
/// algorithm of the reduction give the same bits. The absolute error of a sum of n terms is at most n * 2^-(shift + 1).
struct FixedPointSum: Equatable {
    /// The binary logarithm of the scale.
    let shift: Int
    /// The largest magnitude of one term for which `terms` of them cannot overflow, and which the conversion can do.
    let limit: Double

    /// Scales for gradients, from fine to coarse: steps of 5.7e-14, 6.0e-8, 0.06 and single terms up to 128, 1.3e8,
    /// 1.4e14 (sums of up to 2048 terms; half as much for twice as many).
    ///
    /// The first serves all but degenerate batches. A word of norm zero needs the others: the published floor of the
    /// cosine's denominator gives it gradients of the size of t2 * t3 * 1e8.
    static let gradientShifts = [44, 24, 4]

    /// The scale 2^shift for sums of at most `terms` terms.
    init(shift: Int, terms: Int) {
        self.shift = shift
        // The conversion below is exact to 2^51; the sum must stay below 2^63.
        let largestInteger = min(Self.power(51), Self.power(62) / Double(max(terms, 1)))
        limit = largestInteger / Self.power(shift)
    }

    /// The scale for `terms` terms in [0, 1]: as fine as the sum allows, and within the conversion's range.
    static func ofFractions(terms: Int) -> FixedPointSum {
        let bits = Int.bitWidth - max(terms, 1).leadingZeroBitCount
        return FixedPointSum(shift: min(51, 62 - bits), terms: terms)
    }

    /// Adds the `count` values to the sums; false if one was out of range or not finite (the sums are then of no use).
    func add(
        _ values: UnsafePointer<Float>, count: Int, to sums: UnsafeMutablePointer<Int64>, engine: Engine
    ) -> Bool {
        engine.addFixedPoint(values, count: count, scale: Self.power(shift), limit: Float(limit), into: sums)
    }

    /// One term as an integer; its magnitude must be within `limit`.
    func term(_ value: Double) -> Int64 { Self.integer(value * Self.power(shift)) }

    /// What a sum stands for.
    func value(_ sum: Int64) -> Double { Double(sum) / Self.power(shift) }

    /// The nearest integer of a number within +-2^51, ties to even: adding 1.5 * 2^52 leaves it in the low bits.
    @inline(__always) private static func integer(_ x: Double) -> Int64 {
        let magic = 6_755_399_441_055_744.0
        return Int64(bitPattern: (x + magic).bitPattern) &- Int64(bitPattern: magic.bitPattern)
    }

    @inline(__always) private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}
