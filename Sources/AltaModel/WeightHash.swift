import AltaCore

/// Looks at weights: hashes by name and values. A hash of all is made of one of each, so that ranks can share the work.
public enum WeightHash {
    /// What the text of `combined` begins with. Version 1 had no such mark and hashed all weights in one go.
    public static let version = "2-"

    /// The hash of one weight.
    ///
    /// - Parameter values: hands the fp32 values over, as a whole or part by part in their order.
    public static func of(
        _ spec: WeightSpec, _ values: (_ take: (UnsafeRawBufferPointer) -> Void) throws -> Void
    ) rethrows -> UInt64 {
        var hash = StableHash()
        hash.combine(spec.name)
        try values { hash.combine($0) }
        return hash.value
    }

    /// Whether all numbers are finite; reads as fast as memory delivers.
    public static func isFinite(_ values: UnsafeMutableBufferPointer<Float>) -> Bool {
        let exponent: UInt32 = 0x7F80_0000
        return values.reduce(into: 0 as UInt32) { $0 |= $1.bitPattern & exponent == exponent ? 1 : 0 } == 0
    }

    /// The hash of several weights, from theirs in the order of the catalogue.
    public static func combined(_ hashes: some Sequence<UInt64>) -> String {
        var hash = StableHash()
        for value in hashes { hash.combine(value) }
        return version + hash.hex
    }
}
