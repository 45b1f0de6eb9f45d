import AltaCore
import Glibc

extension Naive {
    /// `y = x (1 + erf(x / sqrt 2)) / 2`.
    public static func gelu(_ x: Matrix, into y: Matrix) {
        for e in 0..<x.count {
            let v = Double(x.base[e])
            y.base[e] = Float(0.5 * v * (1 + erf(v * 0.5.squareRoot())))
        }
    }

    /// `dx (+)= dy . gelu'(x)`.
    public static func geluBackward(_ dy: Matrix, x: Matrix, into dx: Matrix, accumulate: Bool) {
        for e in 0..<x.count {
            let v = Double(x.base[e])
            let density = exp(-0.5 * v * v) / (2 * Double.pi).squareRoot()
            let slope = 0.5 * (1 + erf(v * 0.5.squareRoot())) + v * density
            dx.base[e] = Float((accumulate ? Double(dx.base[e]) : 0) + Double(dy.base[e]) * slope)
        }
    }

    /// The sum of each column over a range of rows.
    public static func columnSums(_ x: Matrix, rows: Range<Int>, into sums: UnsafeMutablePointer<Float>) {
        for j in 0..<x.columns { sums[j] = Float(rows.reduce(0.0) { $0 + Double(x[$1, j]) }) }
    }

    /// `z = x + scaleY y`.
    public static func add(_ x: Matrix, _ y: Matrix, scaleY: Float = 1, into z: Matrix) {
        for e in 0..<x.count { z.base[e] = Float(Double(x.base[e]) + Double(scaleY) * Double(y.base[e])) }
    }

    /// `y = factor x`.
    public static func scale(_ x: Matrix, by factor: Float, into y: Matrix) {
        for e in 0..<x.count { y.base[e] = factor * x.base[e] }
    }

    /// Dropout of a range of rows with the draws of `key`, elements counted from the start of the range.
    public static func dropout(_ x: Matrix, rows: Range<Int>, key: RandomKey, rate: Float, into y: Matrix) {
        let law = DropoutLaw(rate: rate)
        for element in 0..<rows.count * x.columns {
            let place = rows.lowerBound * x.columns + element
            y.base[place] = key.word(element) >= law.threshold ? x.base[place] * law.scale : 0
        }
    }
}
