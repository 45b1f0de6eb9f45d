import AltaCore

/// What a dropout rate means in words and factors: an element is kept where its 32-bit word is at least `threshold`,
/// and a kept value is multiplied by `scale` = 1 / (1 - rate).
public struct DropoutLaw: Equatable, Sendable {
    /// rate * 2^32, rounded down and clamped.
    public let threshold: UInt32
    /// 1 / (1 - rate); 0 at a rate of 1, where torch too gives zeros.
    public let scale: Float

    /// The law of a rate in 0...1.
    public init(rate: Float) {
        precondition(rate >= 0 && rate <= 1, "a dropout rate of \(rate) outside 0...1")
        threshold = UInt32(min(Double(rate) * 0x1p32, Double(UInt32.max)))
        scale = rate < 1 ? 1 / (1 - rate) : 0
    }
}

/// Dropout of attention probabilities: after the softmax, kept ones scaled by 1 / (1 - rate).
///
/// The probability of (head, row, column) in a segment of T rows is element `(head * T + row) * T + column` of that
/// segment's stream, so a segment's draws do not depend on its neighbours in the packed batch.
public struct AttentionDropout: Sendable {
    /// The share of probabilities that are dropped.
    public let rate: Float
    /// One stream per segment.
    public let keys: [RandomKey]

    /// Stores rate and streams.
    public init(rate: Float, keys: [RandomKey]) {
        self.rate = rate
        self.keys = keys
    }
}
