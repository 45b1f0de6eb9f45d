extension Engine {
    /// Cross-entropy of each row of logits `[R, V]` with its label in 0..<V, not reduced: `lossPerRow` `[R]`.
    ///
    /// `gradient`, where given, becomes `scale (softmax - onehot)`; it may be `logits` itself.
    public func softmaxCrossEntropy(
        _ logits: Matrix, labels: [Int32], scale: Float = 1, lossPerRow: UnsafeMutablePointer<Float>, gradient: Matrix?
    ) {
        Naive.softmaxCrossEntropy(logits, labels: labels, scale: scale, lossPerRow: lossPerRow, gradient: gradient)
    }

    /// One step of AdamW over `count` numbers, as `torch.optim.AdamW` takes it; `step` counts from 1.
    public func adamW(
        parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>, count: Int, step: Int,
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
    ) {
        Naive.adamW(
            parameter: parameter, gradient: gradient, firstMoment: firstMoment, secondMoment: secondMoment,
            count: count, step: step, rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: weightDecay)
    }

    /// Adds each value as fixed point, rint(value * 2^44): integer sums do not depend on their order.
    ///
    /// False if any value is not finite or at least 2^18 in magnitude; such a value is counted as 0.
    public func addFixedPoint(
        _ values: UnsafePointer<Float>, count: Int, into sums: UnsafeMutablePointer<Int64>
    ) -> Bool {
        Naive.addFixedPoint(values, count: count, into: sums)
    }

    /// `values = sums * 2^-44`.
    public func fixedPointToFloat(
        _ sums: UnsafePointer<Int64>, count: Int, into values: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { values[i] = Float(Double(sums[i]) * 0x1p-44) }
    }

    /// The sum of squares in double precision, in an order that depends on `count` alone.
    public func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Double {
        (0..<count).reduce(0) { $0 + Double(values[$1]) * Double(values[$1]) }
    }
}
