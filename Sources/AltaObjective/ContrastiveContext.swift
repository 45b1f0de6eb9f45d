import AltaComm
import AltaTensor

/// What one evaluation works with: arithmetic, memory, the other ranks, and a clock for its phases.
struct ContrastiveContext {
    let engine: Engine
    let arena: Arena
    let collectives: any Collectives
    let clock = PhaseClock()
}

/// Adds up where the time of one evaluation goes.
final class PhaseClock {
    private(set) var seconds = ContrastiveSeconds()

    /// Runs `body` and adds its time to one phase.
    func time<Result>(
        _ phase: WritableKeyPath<ContrastiveSeconds, Double>, _ body: () throws -> Result
    ) rethrows -> Result {
        let start = ContinuousClock.now
        defer { seconds[keyPath: phase] += (ContinuousClock.now - start) / .seconds(1) }
        return try body()
    }
}

/// A logarithm of a sum of exponentials, safe for any finite logits; not a number if a logit is not finite.
///
/// One logit gives that logit exactly.
func logSumExp(_ logits: UnsafeBufferPointer<Double>) -> Double {
    guard logits.allSatisfy(\.isFinite), let top = logits.max() else { return .nan }
    var sum = 0.0
    for logit in logits { sum += Double.exponential(logit - top) }
    return top + Double.naturalLogarithm(sum)
}

/// The derivative of a symmetric InfoNCE over B studies with respect to one logit, from the logit and the log-sum-exps of
/// its row and its column: (softmax over the row + softmax over the column) / 2B, and 1/B less on the diagonal.
func logitGradient(_ logit: Double, row: Double, column: Double, isOwn: Bool, globalBatch: Int) -> Double {
    let both = Double.exponential(logit - row) + Double.exponential(logit - column)
    // Subtracted before the division, so that a batch of one study gives exactly 0.
    return (both - (isOwn ? 2 : 0)) / Double(2 * globalBatch)
}

/// The mean over the studies of the row's and the column's cross-entropy; every array is `[B]` in global order.
func symmetricCrossEntropy(rows: [Double], columns: [Double], rowLogits: [Double], columnLogits: [Double]) -> Double {
    var sum = 0.0
    for i in rows.indices { sum += (rows[i] - rowLogits[i]) + (columns[i] - columnLogits[i]) }
    return sum / Double(2 * rows.count)
}
