import AltaCore
import CAltaKernels

extension Engine {
    /// Flat arrays are shared out in blocks of this many numbers, so that results do not depend on the threads.
    private static let flatBlock = 1 << 14

    /// Cross-entropy of each row of logits `[R, V]` with its label in 0..<V, not reduced: `lossPerRow` `[R]`.
    ///
    /// `gradient`, where given, becomes `scale (softmax - onehot)`; it may be `logits` itself.
    public func softmaxCrossEntropy(
        _ logits: Matrix, labels: [Int32], scale: Float = 1, lossPerRow: UnsafeMutablePointer<Float>, gradient: Matrix?
    ) {
        precondition(labels.count == logits.rows, "\(labels.count) labels for logits \(logits.shape)")
        precondition(
            labels.allSatisfy { $0 >= 0 && Int($0) < logits.columns },
            "labels \(labels.min() ?? 0)...\(labels.max() ?? 0) for logits \(logits.shape)")
        if let gradient { requireSameShape(logits, gradient, "softmaxCrossEntropy") }
        labels.withUnsafeBufferPointer { labels in
            parallel(logits.rows, elementsEach: 4 * logits.columns) { rows in
                alta_cross_entropy(
                    logits.base, labels.baseAddress, scale, lossPerRow, gradient?.base, logits.columns,
                    rows.lowerBound, rows.upperBound)
            }
        }
    }

    /// One step of AdamW over `count` numbers, as `torch.optim.AdamW` takes it; `step` counts from 1.
    public func adamW(
        parameter: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>, count: Int, step: Int,
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
    ) {
        precondition(step >= 1, "AdamW at step \(step)")
        let factors = Engine.adamWFactors(
            step: step, rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
        parallel(count, elementsEach: 4, block: Engine.flatBlock) { part in
            let first = part.lowerBound
            alta_adamw(
                parameter + first, gradient + first, firstMoment + first, secondMoment + first, part.count, factors)
        }
    }

    private static func adamWFactors(
        step: Int, rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
    ) -> alta_adamw_factors {
        alta_adamw_factors(
            keep: Float(1 - rate * weightDecay), one_minus_beta1: Float(1 - beta1), beta2: Float(beta2),
            one_minus_beta2: Float(1 - beta2),
            root_correction2: Float((1 - Double.power(beta2, Double(step))).squareRoot()), epsilon: Float(epsilon),
            step_size: Float(rate / (1 - Double.power(beta1, Double(step)))))
    }

    /// Adds each value as fixed point, rint(value * 2^44): integer sums do not depend on their order.
    ///
    /// False if any value is not finite or at least `limit` in magnitude; such a value is counted as 0. A sum wraps at
    /// 2^19: the caller's limit keeps it below, 2^18 at most.
    ///
    /// - Parameter isFirst: the sums are stored, whatever was there.
    public func addFixedPoint(
        _ values: UnsafePointer<Float>, count: Int, limit: Float = 0x1p18, into sums: UnsafeMutablePointer<Int64>,
        isFirst: Bool = false
    ) -> Bool {
        precondition(
            limit > 0 && limit <= 0x1p18, "a fixed-point limit of \(limit), expected more than 0, at most 2^18")
        let blocks = (count + Engine.flatBlock - 1) / Engine.flatBlock
        return scratch.scoped {
            let good: UnsafeMutableBufferPointer<Bool> = scratch.buffer(blocks)
            forEachBlock(count) { block, range in
                let (values, sums) = (values + range.lowerBound, sums + range.lowerBound)
                good[block] =
                    isFirst
                    ? alta_store_fixed_point(values, limit, sums, range.count)
                    : alta_add_fixed_point(values, limit, sums, range.count)
            }
            return good.allSatisfy { $0 }
        }
    }

    /// `values = sums * 2^-44`.
    public func fixedPointToFloat(
        _ sums: UnsafePointer<Int64>, count: Int, into values: UnsafeMutablePointer<Float>
    ) {
        parallel(count, elementsEach: 1, block: Engine.flatBlock) { part in
            alta_fixed_point_to_float(sums + part.lowerBound, values + part.lowerBound, part.count)
        }
    }

    private func forEachBlock(_ count: Int, _ body: (Int, Range<Int>) -> Void) {
        parallel(count, elementsEach: 1, block: Engine.flatBlock) { part in
            for start in stride(from: part.lowerBound, to: part.upperBound, by: Engine.flatBlock) {
                body(start / Engine.flatBlock, start..<min(part.upperBound, start + Engine.flatBlock))
            }
        }
    }
}
