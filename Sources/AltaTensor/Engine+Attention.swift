import AltaCore
import CAltaKernels

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
        let shape = AttentionShape(qkv, y, segments, heads, dropout)
        operationCount += AttentionHead.forwardProducts * shape.operationsPerProduct
        forEachHead(shape) { head, arena in
            head.forward(qkv, into: y, logSumExp: logSumExp, arena)
        }
    }

    /// The gradient of `attention` in `qkv`; recomputes the probabilities and overwrites `dqkv` `[R, 3 W]`.
    ///
    /// `y` and `logSumExp` are what `attention` gave.
    public func attentionBackward(
        _ dy: Matrix, qkv: Matrix, y: Matrix, logSumExp: UnsafePointer<Float>, segments: Segments, heads: Int,
        dropout: AttentionDropout? = nil, into dqkv: Matrix
    ) {
        let shape = AttentionShape(qkv, y, segments, heads, dropout)
        requireSameShape(dy, y, "attentionBackward")
        requireSameShape(dqkv, qkv, "attentionBackward")
        operationCount += AttentionHead.backwardProducts * shape.operationsPerProduct
        forEachHead(shape) { head, arena in
            head.backward(dy, qkv: qkv, y: y, logSumExp: logSumExp, into: dqkv, arena)
        }
    }

    /// Runs `body` for every head of every segment, each on one thread with that thread's scratch.
    private func forEachHead(_ shape: AttentionShape, _ body: (AttentionHead, Arena) -> Void) {
        let tasks = shape.segments.count * shape.heads
        guard tasks > 0 && shape.segments.rows > 0 else { return }
        let parts = min(threads, tasks)
        parallelParts(parts) { part in
            let arena = threadScratch[part]
            // Neighbouring tasks go to different threads, so that long segments are shared out.
            for task in stride(from: part, to: tasks, by: parts) {
                let head = AttentionHead(
                    shape, segment: task / shape.heads, head: task % shape.heads, kernels: kernels)
                if head.length > 0 { arena.scoped { body(head, arena) } }
            }
        }
    }
}
