import AltaCore
import AltaTensor

/// BERT's three embedding tables; W = width.
public struct TextTokenWeights {
    /// `[vocabulary, W]`; packed too where the MLM output matrix is tied to it.
    public let words: Weight
    /// `[positions, W]`.
    public let positions: Weight
    /// `[2, W]`; every token here is of type 0.
    public let types: Weight

    /// Stores the three tables.
    public init(words: Weight, positions: Weight, types: Weight) {
        self.words = words
        self.positions = positions
        self.types = types
    }
}

extension Tape {
    /// The sum of word, position and type embedding of every token.
    ///
    /// Source: `TextEncoder.forward` of the reference, up to the LayerNorm.
    /// - Parameters:
    ///   - ids: the tokens of all sequences, packed.
    ///   - sequences: which tokens make which sequence; positions count from each one's start.
    ///   - studies: which rows belong to which study.
    /// - Returns: `[ids.count, W]`.
    public func textTokens(
        _ ids: [Int32], sequences: Segments, studies: Segments, weights: TextTokenWeights
    ) -> Variable {
        precondition(ids.count == sequences.rows, "\(ids.count) tokens in sequences of \(sequences.rows)")
        let values = values(ids.count, weights.words.value.columns, .sums)
        let value = values.primary.matrix
        let type = weights.types.value.rows(0..<1)
        for index in 0..<sequences.count {
            for (position, row) in sequences[index].enumerated() {
                let word = Int(ids[row])
                let target = value.rows(row..<row + 1)
                engine.add(
                    weights.words.value.rows(word..<word + 1), weights.positions.value.rows(position..<position + 1),
                    scaleY: 1, into: target)
                engine.addInto(target, type, scale: 1)
            }
        }
        let trains = [weights.words, weights.positions, weights.types].contains { $0.trainable != nil }
        let y = variable(values, studies: studies, needsGradient: trains)
        record(
            TextTokensOperation(ids: ids, sequences: sequences, studies: studies, weights: weights, y: y.index),
            if: y.needsGradient)
        return y
    }
}

private struct TextTokensOperation: TapeOperation {
    let ids: [Int32]
    let sequences: Segments
    let studies: Segments
    let weights: TextTokenWeights
    let y: Int
    var outputs: [Int] { [y] }
    var parameters: [Weight] { [weights.words, weights.positions, weights.types] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0]?.matrix else { return }
        let ledger = tape.recordingLedger
        let engine = tape.engine
        for rows in ledger.blocks(of: studies) {
            if let weight = weights.words.trainable {
                ledger.addSparse(to: weight) { target in
                    engine.addRows(of: dy, from: rows.lowerBound, to: ids[rows].map { Int($0) }, of: target)
                }
            }
            if let weight = weights.positions.trainable {
                ledger.addSparse(to: weight) { target in
                    for index in 0..<sequences.count where rows.contains(sequences[index].lowerBound) {
                        let places = Array(0..<sequences[index].count)
                        engine.addRows(of: dy, from: sequences[index].lowerBound, to: places, of: target)
                    }
                }
            }
            if let weight = weights.types.trainable {
                let mark = engine.scratch.mark
                let sums = engine.scratch.matrix(1, dy.columns)
                engine.columnSums(dy, rows: rows, into: sums.base)
                ledger.addSparse(to: weight) { engine.addInto($0.rows(0..<1), sums, scale: 1) }
                engine.scratch.release(to: mark)
            }
        }
    }
}
