#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Double {
    /// The natural logarithm.
    public static func naturalLogarithm(_ x: Double) -> Double { log(x) }

    /// The cosine of an angle in radians.
    public static func cosine(_ x: Double) -> Double { cos(x) }

    /// The sine of an angle in radians.
    public static func sine(_ x: Double) -> Double { sin(x) }

    /// The exponential function.
    public static func exponential(_ x: Double) -> Double { exp(x) }

    /// `base` raised to `exponent`.
    public static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}
