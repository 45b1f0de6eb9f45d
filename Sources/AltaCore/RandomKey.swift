/// What a random draw is for. Each purpose has a stream of its own, so that adding a draw to one never shifts another.
public enum RandomPurpose: UInt64, Sendable {
    case sampleOrder = 1
    case augmentation, patchMask, tokenMask, sentenceOrder, dropout, initialisation, synthesis, test, absentMask
}

/// The name of a stream of random numbers: a pure function of (seed, epoch, study, purpose, position in the study).
///
/// Nothing is drawn from a state that ranks, neighbours in a batch or earlier steps share, so the draws of a study are
/// the same at every rank count, micro-batch and restart (Docs/design.md, "the run is defined by its global batch").
/// Element `e` of a stream is word `(e / 16) % 4` of the Philox counter `(e / 64) * 16 + e % 16`: sixteen neighbours
/// come from sixteen counters, which is what a vector unit wants.
public struct RandomKey: Hashable, Sendable {
    /// The Philox key.
    public let bits: UInt64

    /// A stream of the whole run.
    public init(seed: UInt64, purpose: RandomPurpose) {
        bits = RandomKey.mix(RandomKey.mix(0x414C_5441, seed), purpose.rawValue)
    }

    /// A stream of an epoch, as the order of the studies.
    public init(seed: UInt64, epoch: Int, purpose: RandomPurpose) {
        self = RandomKey(seed: seed, purpose: purpose).child(UInt64(epoch))
    }

    /// A stream of one study in one epoch.
    public init(seed: UInt64, epoch: Int, study: StudyIndex, purpose: RandomPurpose) {
        self = RandomKey(seed: seed, epoch: epoch, purpose: purpose).child(UInt64(study.row))
    }

    private init(bits: UInt64) { self.bits = bits }

    /// The stream of a position within this one, as a layer, a half of the report or a site in a layer.
    public func child(_ position: UInt64) -> RandomKey { RandomKey(bits: RandomKey.mix(bits, position)) }

    /// 32 random bits: element `element` of the stream.
    public func word(_ element: Int) -> UInt32 {
        let e = UInt64(element)
        let words = Philox.words(counter: (e >> 6) << 4 | (e & 15), key: bits)
        return words[Int((e >> 4) & 3)]
    }

    /// A uniform number in [0, 1) with 24 random bits: element `element` of the stream.
    public func uniform(_ element: Int) -> Float { Float(word(element) >> 8) * 0x1p-24 }

    /// A uniform number in [0, 1) with 53 random bits, made of elements `2 e` and `2 e + 1`.
    public func uniformDouble(_ element: Int) -> Double {
        let high = UInt64(word(2 * element))
        let low = UInt64(word(2 * element + 1))
        return Double((high << 32 | low) >> 11) * 0x1p-53
    }

    /// A whole number in 0..<bound, unbiased enough for bounds below 2^32 (bias under 2^-32).
    public func integer(_ element: Int, below bound: Int) -> Int {
        precondition(bound > 0 && bound <= Int(UInt32.max), "bound \(bound) outside 1..<2^32")
        let wide = UInt64(word(2 * element)) << 32 | UInt64(word(2 * element + 1))
        return Int(wide.multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A permutation of 0..<count (Fisher-Yates; the standard library's shuffle may change between versions).
    public func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, integer(last, below: last + 1))
        }
        return order
    }

    /// A standard normal number (Box-Muller on elements `2 e` and `2 e + 1` of `uniformDouble`).
    public func normal(_ element: Int) -> Double {
        let radius = (-2 * Double.naturalLogarithm(1 - uniformDouble(2 * element))).squareRoot()
        return radius * Double.cosine(2 * Double.pi * uniformDouble(2 * element + 1))
    }

    /// SplitMix64's finaliser over a running key: distinct paths give distinct keys but for chance (2^-64 a pair).
    private static func mix(_ state: UInt64, _ value: UInt64) -> UInt64 {
        var z = state &+ 0x9E37_79B9_7F4A_7C15 &+ value &* 0xD6E8_FEB8_6659_FD93
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
