import AltaCore

/// Which tokens of a report are hidden where whole words are (MRM's masking).
///
/// A word is a token that does not begin with `##` and the pieces behind it; [UNK] is one too. One draw decides about a
/// word at its first token, its pieces follow it. Never hidden: the first position and the last of the *padded* ones, so
/// that a report which fills them all keeps its last token, though it be a piece of a hidden word. [PAD] and [SEP] end the
/// report. Source: `mask_words` of the reference.
public struct MaskedWords: Sendable {
    /// The id of [MASK].
    public let maskID: Int32
    /// The ids that end a report: [PAD] and [SEP], where the vocabulary has them.
    public let endIDs: [Int32]
    /// The length to which reports are padded (which nothing here is): `max_tokens`.
    public let paddedCount: Int
    /// With what probability a word is hidden.
    public let probability: Double

    /// Stores the parts.
    public init(maskID: Int32, endIDs: [Int32], paddedCount: Int, probability: Double = 0.5) {
        precondition((0...1).contains(probability), "probability \(probability) outside 0...1")
        self.maskID = maskID
        self.endIDs = endIDs
        self.paddedCount = paddedCount
        self.probability = probability
    }

    /// The hidden positions, ascending, of a report `[T]`, T up to `paddedCount`.
    ///
    /// A token that is [MASK] in the report itself is never among them: nothing is to be predicted there.
    /// - Parameters:
    ///   - isPiece: whether an id begins with `##`.
    ///   - draw: a number in [0, 1) for the word that begins at a position; asked once a word, in order.
    public func positions(
        in ids: [Int32], isPiece: (_ id: Int32) -> Bool, draw: (_ position: Int) -> Double
    ) -> [Int] {
        var hidden: [Int] = []
        var previousIsMask = ids.first == maskID
        for position in ids.indices.dropFirst().prefix(max(0, paddedCount - 2)) {
            let id = ids[position]
            if endIDs.contains(id) { break }
            let hides = isPiece(id) ? previousIsMask : draw(position) < probability
            if hides && id != maskID { hidden.append(position) }
            previousIsMask = hides || id == maskID
        }
        return hidden
    }

    /// The hidden positions where each word's draw is given, in the order of the words; traps where there are too few.
    public func positions(in ids: [Int32], isPiece: (_ id: Int32) -> Bool, draws: [Double]) -> [Int] {
        var rest = draws.makeIterator()
        return positions(in: ids, isPiece: isPiece) { position in
            guard let draw = rest.next() else { preconditionFailure("no draw for the word at position \(position)") }
            return draw
        }
    }
}
