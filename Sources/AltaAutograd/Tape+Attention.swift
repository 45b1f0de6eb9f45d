import AltaCore
import AltaTensor

extension Tape {
    /// Multi-head self-attention inside each sequence: `softmax(q kᵀ / sqrt(d)) v`, head by head.
    ///
    /// - Parameters:
    ///   - qkv: `[rows, 3 width]`: queries, keys and values side by side.
    ///   - sequences: which rows attend to each other.
    ///   - heads: the number of heads; `width / heads` is `d`.
    ///   - dropout: of the probabilities, with a key for each sequence; nil: none.
    /// - Returns: `[rows, width]`. Only the log-sum-exp of every row and head is kept for the way back.
    public func attention(
        _ qkv: Variable, sequences: Segments, heads: Int, dropout: AttentionDropout?
    ) -> Variable {
        let rows = qkv.rows
        let values = values(rows, qkv.columns / 3, .products)
        let logSumExp = pointer(arena.buffer(max(rows * heads, 1)) as UnsafeMutableBufferPointer<Float>)
        engine.attention(
            qkv.operand, segments: sequences, heads: heads, into: values.operand, logSumExp: logSumExp, dropout: dropout
        )
        let y = variable(values, studies: qkv.studies, needsGradient: qkv.needsGradient)
        record(
            AttentionOperation(
                qkv: qkv, sequences: sequences, heads: heads, dropout: dropout, logSumExp: logSumExp, y: y),
            if: y.needsGradient)
        return y
    }
}

private struct AttentionOperation: TapeOperation {
    let qkv: Variable
    let sequences: Segments
    let heads: Int
    let dropout: AttentionDropout?
    let logSumExp: UnsafeMutablePointer<Float>
    let y: Variable
    var outputs: [Int] { [y.index] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0], let (gradient, accumulate) = tape.target(qkv) else { return }
        precondition(!accumulate, "queries, keys and values feed one attention only")
        tape.engine.attentionBackward(
            dy, qkv: qkv.operand, y: y.operand, logSumExp: logSumExp, segments: sequences, heads: heads,
            dropout: dropout, into: gradient)
    }
}
