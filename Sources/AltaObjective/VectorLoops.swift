/// Loops over embeddings that are no kernel's, in portable Swift.
///
/// Every function's result depends on the values and the length alone: sums run in eight lanes that are added in a fixed
/// order, and no operation is contracted, so the bits are the same on every rank and every processor.
enum VectorLoops {
    typealias Lanes = SIMD8<Float>

    /// The sum of the products of `count` pairs, multiplied and added in double precision.
    static func preciseDot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Double {
        var lanes = SIMD8<Double>()
        let whole = count & ~7
        for i in stride(from: 0, to: whole, by: 8) {
            lanes += SIMD8<Double>(load(x + i)) * SIMD8<Double>(load(y + i))
        }
        let pairs = lanes.lowHalf + lanes.highHalf
        var total = (pairs[0] + pairs[2]) + (pairs[1] + pairs[3])
        for i in whole..<count { total += Double(x[i]) * Double(y[i]) }
        return total
    }

    /// Whether every number is finite.
    static func allFinite(_ x: UnsafePointer<Float>, count: Int) -> Bool {
        // x * 0 is 0 for a finite x and NaN for the rest: a sum needs no branch.
        var lanes = Lanes()
        let whole = count & ~7
        for i in stride(from: 0, to: whole, by: 8) { lanes += load(x + i) * 0 }
        return (fold(lanes) + tail(whole..<count) { x[$0] * 0 }) == 0
    }

    @inline(__always) private static func load(_ x: UnsafePointer<Float>) -> Lanes {
        UnsafeRawPointer(x).loadUnaligned(as: Lanes.self)
    }

    @inline(__always) private static func fold(_ lanes: Lanes) -> Float {
        let pairs = lanes.lowHalf + lanes.highHalf
        return (pairs[0] + pairs[2]) + (pairs[1] + pairs[3])
    }

    @inline(__always) private static func tail(_ range: Range<Int>, _ value: (Int) -> Float) -> Float {
        var total: Float = 0
        for i in range { total += value(i) }
        return total
    }
}
