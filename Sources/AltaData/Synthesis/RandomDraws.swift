import AltaCore

/// The numbers of one keyed stream, taken one after another.
///
/// A value of its own for each patient, study and finding: what one draws never shifts what another draws.
struct RandomDraws {
    /// The stream.
    let key: RandomKey
    /// How many have been taken.
    private var taken = 0

    /// The stream of `key` from its beginning.
    init(_ key: RandomKey) { self.key = key }

    /// A uniform number in [0, 1).
    mutating func uniform() -> Float {
        taken += 1
        return key.uniform(taken - 1)
    }

    /// A uniform number in a range.
    mutating func within(_ range: ClosedRange<Float>) -> Float {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// Roughly normal, mean 0, standard deviation 1, within -3...3 (a sum of twelve would be -6...6; here of three).
    mutating func bell() -> Float { (uniform() + uniform() + uniform() - 1.5) * 2 }

    /// True with a probability.
    mutating func chance(_ probability: Float) -> Bool { uniform() < probability }

    /// A whole number below a bound.
    mutating func below(_ bound: Int) -> Int { min(bound - 1, Int(uniform() * Float(bound))) }

    /// One of several; `choices` is not empty.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        precondition(!choices.isEmpty, "nothing to pick from")
        return choices[below(choices.count)]
    }

    /// The place of one of several weights, with probability in proportion to it.
    mutating func weighted(_ weights: [Float]) -> Int {
        var left = uniform() * weights.reduce(0, +)
        for (place, weight) in weights.enumerated() {
            left -= weight
            if left < 0 { return place }
        }
        return weights.count - 1
    }

    /// The elements in a random order.
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var order = elements
        for last in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(last, below(last + 1)) }
        return order
    }
}
