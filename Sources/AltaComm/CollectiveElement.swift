/// A number that collectives can move and reduce: Float, Double, Int32, Int64, UInt8 or UInt64.
public protocol CollectiveElement: BitwiseCopyable, Sendable, Comparable {
    /// Which of the six it is.
    static var elementType: CollectiveElementType { get }

    /// The sum; of integers, modulo 2 to the number of bits, as MPI has it.
    static func collectiveSum(_ first: Self, _ second: Self) -> Self
}

/// The types that collectives know, to be matched with those of the transport.
public enum CollectiveElementType: String, Sendable, CaseIterable {
    /// `Float`.
    case float
    /// `Double`.
    case double
    /// `Int32`.
    case int32
    /// `Int64`.
    case int64
    /// `UInt8`, which also carries bytes.
    case uint8
    /// `UInt64`.
    case uint64
}

extension CollectiveElement where Self: BinaryFloatingPoint {
    /// The rounded sum.
    @inlinable
    public static func collectiveSum(_ first: Self, _ second: Self) -> Self { first + second }
}

extension CollectiveElement where Self: FixedWidthInteger {
    /// The sum modulo 2 to the number of bits.
    @inlinable
    public static func collectiveSum(_ first: Self, _ second: Self) -> Self { first &+ second }
}

extension Float: CollectiveElement {
    /// Single precision.
    public static var elementType: CollectiveElementType { .float }
}

extension Double: CollectiveElement {
    /// Double precision.
    public static var elementType: CollectiveElementType { .double }
}

extension Int32: CollectiveElement {
    /// 32 bits, signed.
    public static var elementType: CollectiveElementType { .int32 }
}

extension Int64: CollectiveElement {
    /// 64 bits, signed.
    public static var elementType: CollectiveElementType { .int64 }
}

extension UInt8: CollectiveElement {
    /// 8 bits, unsigned.
    public static var elementType: CollectiveElementType { .uint8 }
}

extension UInt64: CollectiveElement {
    /// 64 bits, unsigned.
    public static var elementType: CollectiveElementType { .uint64 }
}
