/// The elementwise loops of the word-patch similarity, in portable Swift.
///
/// Every function's result depends on the values and the length alone: sums run in eight lanes that are added in a fixed
/// order, and no operation is contracted, so the bits are the same on every rank and every processor.
enum VectorLoops {
    typealias Lanes = SIMD8<Float>

    /// e^x for x <= 0, relative error below 2e-7; below -87 it stays at e^-87 (1.6e-38), so that nothing is denormal.
    ///
    /// Cody-Waite reduction and the polynomial of Cephes' `expf`; written without branches so that loops vectorise.
    @inline(__always) static func exponentialOfNonPositive(_ x: Float) -> Float {
        let bounded = x < -87 ? -87 : x
        let shifted = bounded * 1.442_695_04 + roundingShift
        let exponent = shifted - roundingShift
        let r = bounded - exponent * 0.693_359_375 + exponent * 2.121_944_4e-4
        var p: Float = 1.987_569_15e-4
        p = p * r + 1.398_199_95e-3
        p = p * r + 8.333_451_9e-3
        p = p * r + 4.166_579_6e-2
        p = p * r + 1.666_666_55e-1
        p = p * r + 5.000_000_1e-1
        p = p * (r * r) + r + 1
        return p * Float(bitPattern: (shifted.bitPattern &<< 23) &+ 0x3F80_0000)
    }

    /// Adding 1.5 * 2^23 rounds a float to an integer that then stands in the low bits of the sum.
    private static var roundingShift: Float { 12_582_912 }

    /// Softmax down the columns of `rows` x `columns` numbers (row stride `columns`), in place.
    ///
    /// `maxima` and `sums` are scratch of `columns` numbers.
    static func softmaxDownColumns(
        _ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, maxima: UnsafeMutablePointer<Float>,
        sums: UnsafeMutablePointer<Float>
    ) {
        maxima.update(from: x, count: columns)
        sums.update(repeating: 0, count: columns)
        for row in 1..<max(rows, 1) {
            let line = x + row * columns
            for c in 0..<columns { maxima[c] = line[c] > maxima[c] ? line[c] : maxima[c] }
        }
        for row in 0..<rows {
            let line = x + row * columns
            for c in 0..<columns {
                let e = exponentialOfNonPositive(line[c] - maxima[c])
                line[c] = e
                sums[c] += e
            }
        }
        for c in 0..<columns { sums[c] = 1 / sums[c] }
        for row in 0..<rows {
            let line = x + row * columns
            for c in 0..<columns { line[c] *= sums[c] }
        }
    }

    /// y = softmax(scale * x) over `count` numbers; `scale` is positive.
    static func softmax(
        _ x: UnsafePointer<Float>, scale: Float, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        let top = maximum(x, count: count)
        for i in 0..<count { y[i] = exponentialOfNonPositive(scale * (x[i] - top)) }
        let inverse = 1 / sum(y, count: count)
        for i in 0..<count { y[i] *= inverse }
    }

    /// The largest of `count` numbers.
    static func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float {
        var lanes = Lanes(repeating: -.infinity)
        let whole = count & ~7
        for i in stride(from: 0, to: whole, by: 8) {
            let v = load(x + i)
            lanes = lanes.replacing(with: v, where: v .> lanes)
        }
        var top = lanes.max()
        for i in whole..<count where x[i] > top { top = x[i] }
        return top
    }

    /// The sum of `count` numbers.
    static func sum(_ x: UnsafePointer<Float>, count: Int) -> Float {
        var lanes = Lanes()
        let whole = count & ~7
        for i in stride(from: 0, to: whole, by: 8) { lanes += load(x + i) }
        return fold(lanes) + tail(whole..<count) { x[$0] }
    }

    /// The sum of the products of `count` pairs.
    static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Float {
        var lanes = Lanes()
        let whole = count & ~7
        for i in stride(from: 0, to: whole, by: 8) { lanes += load(x + i) * load(y + i) }
        return fold(lanes) + tail(whole..<count) { x[$0] * y[$0] }
    }

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
