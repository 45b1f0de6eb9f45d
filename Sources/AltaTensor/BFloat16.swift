/// A number of 16 bits: the upper half of a `Float`, with its range and 8 bits of precision.
///
/// Arithmetic is done in fp32; this is how numbers rest in memory.
public struct BFloat16: BitwiseCopyable, Equatable, Sendable {
    /// Sign, 8 bits of exponent, 7 of mantissa.
    public let bits: UInt16

    /// The largest relative error of a rounded number in the normal range, 2^-8: half a unit in the last place.
    public static let roundoff: Float = 0x1p-8

    /// The number of these bits.
    public init(bits: UInt16) { self.bits = bits }

    /// `value` rounded to the nearest, ties to even; what is not a number stays so.
    public init(_ value: Float) {
        let word = value.bitPattern
        if value.isNaN {
            // The payload may lie in the lower half, without which it would read as infinity.
            bits = UInt16(word >> 16) | 0x40
        } else {
            bits = UInt16((word + 0x7FFF + ((word >> 16) & 1)) >> 16)
        }
    }

    /// The number, exactly.
    public var float: Float { Float(bitPattern: UInt32(bits) << 16) }
}
