import Glibc

extension Naive {
    /// Cross-entropy of each row and its gradient: see `Engine.softmaxCrossEntropy`.
    public static func softmaxCrossEntropy(
        _ logits: Matrix, labels: [Int32], scale: Float, lossPerRow: UnsafeMutablePointer<Float>, gradient: Matrix?
    ) {
        for i in 0..<logits.rows {
            let row = (0..<logits.columns).map { Double(logits[i, $0]) }
            let largest = row.max() ?? 0
            let sum = row.reduce(0) { $0 + exp($1 - largest) }
            let label = Int(labels[i])
            lossPerRow[i] = Float(log(sum) + largest - row[label])
            guard let gradient else { continue }
            for j in 0..<logits.columns {
                let probability = exp(row[j] - largest) / sum
                gradient[i, j] = Float(Double(scale) * (probability - (j == label ? 1 : 0)))
            }
        }
    }

    /// One AdamW step as `torch.optim.AdamW` takes it.
    public static func adamW(
        parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>, count: Int, step: Int,
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
    ) {
        let correction1 = 1 - pow(beta1, Double(step))
        let correction2 = 1 - pow(beta2, Double(step))
        for i in 0..<count {
            let g = Double(gradient[i])
            let m = beta1 * Double(firstMoment[i]) + (1 - beta1) * g
            let v = beta2 * Double(secondMoment[i]) + (1 - beta2) * g * g
            let denominator = v.squareRoot() / correction2.squareRoot() + epsilon
            parameter[i] = Float(Double(parameter[i]) * (1 - rate * weightDecay) - rate / correction1 * m / denominator)
            firstMoment[i] = Float(m)
            secondMoment[i] = Float(v)
        }
    }

    /// Adds rint(value * 2^44) each; false where a value was not finite or too large, and counted as 0.
    public static func addFixedPoint(
        _ values: UnsafePointer<Float>, count: Int, limit: Float = 0x1p18, into sums: UnsafeMutablePointer<Int64>
    ) -> Bool {
        var good = true
        for i in 0..<count {
            guard values[i].isFinite, abs(values[i]) < limit else {
                good = false
                continue
            }
            sums[i] &+= Int64((Double(values[i]) * 0x1p44).rounded(.toNearestOrEven))
        }
        return good
    }
}
