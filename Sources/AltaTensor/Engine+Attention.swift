import AltaCore

extension Engine {
    /// Softmax attention within each segment and head: `y = softmax(q k^T / sqrt(d)) v`.
    ///
    /// `qkv` `[R, 3 W]` holds queries, keys and values side by side, each of `heads` heads `d = W / heads` wide; `y`
    /// `[R, W]`. Probabilities are not kept, only the logarithm of each row's sum: `logSumExp` `[R, heads]`. A
    /// segment's result depends on nothing outside it; segments may be empty.
    public func attention(
        _ qkv: Matrix, segments: Segments, heads: Int, into y: Matrix, logSumExp: UnsafeMutablePointer<Float>,
        dropout: AttentionDropout? = nil
    ) {
        Naive.attention(qkv, segments: segments, heads: heads, into: y, logSumExp: logSumExp, dropout: dropout)
    }

    /// The gradient of `attention` in `qkv`; recomputes the probabilities and overwrites `dqkv` `[R, 3 W]`.
    public func attentionBackward(
        _ dy: Matrix, qkv: Matrix, y: Matrix, logSumExp: UnsafePointer<Float>, segments: Segments, heads: Int,
        dropout: AttentionDropout? = nil, into dqkv: Matrix
    ) {
        Naive.attentionBackward(dy, qkv: qkv, segments: segments, heads: heads, dropout: dropout, into: dqkv)
    }
}
