import AltaCore

/// A number of a step that is not finite, or larger than order-free sums hold. Every rank throws the same, and before an
/// update.
public struct NotFiniteNumber: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is not finite, to begin a sentence: `the loss masked_language`, `the gradient of` a weight.
    public let quantity: String
    /// Why, where that is known.
    public let why: String?
    /// The place in the global batch of the study that it comes from, from 0; nil: it is no one study's.
    public let position: Int?
    /// The rank that computes that study; nil: all ranks found it.
    public let rank: Int?

    /// Stores the facts.
    public init(_ quantity: String, why: String? = nil, position: Int? = nil, rank: Int? = nil) {
        self.quantity = quantity
        self.why = why
        self.position = position
        self.rank = rank
    }

    /// As `error` has it.
    public var description: String { error.description }

    /// The fault as it is told. The file and the row of the study are added by who knows the table.
    public var error: AltaError {
        let place = position.map { " at position \($0) of the global batch" } ?? ""
        let look = position == nil ? "" : "look at the study's row of the data, "
        return AltaError(
            "\(quantity) is not finite or too large\(place)", why: why,
            remedy: "lower learning_rate, \(look)or set on_not_finite to skip",
            rank: rank)
    }
}
