import AltaCore
import Glibc

extension Naive {
    /// See `Engine.softmaxOverWords`.
    public static func softmaxOverWords(_ x: Matrix, segments: Segments) {
        for report in 0..<segments.count {
            for c in 0..<x.columns {
                let softmax = softmax(segments[report].map { Double(x[$0, c]) })
                for (w, value) in zip(segments[report], softmax) { x[w, c] = Float(value) }
            }
        }
    }

    /// The softmax over the patches that `Engine.softmaxOverPatches` gives in two parts.
    public static func softmaxOverPatches(_ x: Matrix, patches: Int, scale: Float, into y: Matrix) {
        y.fill(0)
        for w in 0..<x.rows {
            let softmax = softmax((0..<patches).map { Double(scale) * Double(x[w, $0]) })
            for p in 0..<patches { y[w, p] = Float(softmax[p]) }
        }
    }

    /// See `Engine.backThroughSoftmaxes`: from the softmax over patches `y` and its gradient `dy`.
    public static func backThroughSoftmaxes(
        _ x: Matrix, segments: Segments, scale: Float, _ y: Matrix, _ dy: Matrix, into result: Matrix
    ) -> Double {
        var scaleGradient = 0.0
        for w in 0..<x.rows {
            let mean = (0..<x.columns).reduce(0.0) { $0 + Double(y[w, $1]) * Double(dy[w, $1]) }
            for p in 0..<x.columns {
                let inner = Double(scale) * Double(y[w, p]) * (Double(dy[w, p]) - mean)
                scaleGradient += inner * Double(x[w, p])
                result[w, p] = Float(inner)
            }
        }
        for report in 0..<segments.count {
            for p in 0..<x.columns {
                let mean = segments[report].reduce(0.0) { $0 + Double(x[$1, p]) * Double(result[$1, p]) }
                for w in segments[report] { result[w, p] = Float(Double(x[w, p]) * (Double(result[w, p]) - mean)) }
            }
        }
        return scaleGradient
    }

    private static func softmax(_ x: [Double]) -> [Double] {
        let largest = x.max() ?? 0
        let exponentials = x.map { exp($0 - largest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}
