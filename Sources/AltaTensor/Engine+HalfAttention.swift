import AltaCore
import CAltaKernels

extension Engine {
    /// Softmax attention within each segment and head: `y = softmax(q k^T / sqrt(d)) v`, on bf16 numbers.
    ///
    /// As the fp32 `attention`, with the same dropout; products of bf16 numbers are added up in fp32, the softmax is
    /// fp32, and probabilities are rounded before they multiply the values. A segment's result depends on nothing
    /// outside it.
    public func attention(
        _ qkv: HalfMatrix, segments: Segments, heads: Int, into y: HalfMatrix,
        logSumExp: UnsafeMutablePointer<Float>, dropout: AttentionDropout? = nil
    ) {
        let shape = AttentionShape(qkv, y, segments, heads, dropout)
        guard isNative(shape) else {
            return widenedAttention(qkv, shape, into: y, logSumExp: logSumExp, dropout: dropout)
        }
        operationCount += AttentionHead.forwardProducts * shape.operationsPerProduct
        forEachHalfHead(shape, qkv, scratch: alta_half_attention_scratch) { head, task, scratch in
            var head = head
            alta_half_attention(
                &head, y.words + task.offset(in: y), y.columns, logSumExp + task.start * heads + task.head, heads,
                scratch)
        }
    }

    /// The gradient of `attention` in `qkv`; recomputes the probabilities and overwrites `dqkv` `[R, 3 W]`.
    ///
    /// `y` and `logSumExp` are what `attention` gave.
    public func attentionBackward(
        _ dy: HalfMatrix, qkv: HalfMatrix, y: HalfMatrix, logSumExp: UnsafePointer<Float>, segments: Segments,
        heads: Int, dropout: AttentionDropout? = nil, into dqkv: HalfMatrix
    ) {
        let shape = AttentionShape(qkv, y, segments, heads, dropout)
        requireSameShape(dy, y, "attentionBackward")
        requireSameShape(dqkv, qkv, "attentionBackward")
        guard isNative(shape) else {
            return widenedAttentionBackward(
                dy, qkv, y, shape, logSumExp: logSumExp, dropout: dropout, into: dqkv)
        }
        operationCount += AttentionHead.backwardProducts * shape.operationsPerProduct
        forEachHalfHead(shape, qkv, scratch: alta_half_attention_backward_scratch) { head, task, scratch in
            var head = head
            let (first, target) = (task.offset(in: y), dqkv.words + task.offset(in: qkv))
            var gradient = alta_attention_gradient(
                dy: dy.words + first, y: y.words + first, y_stride: y.columns,
                log_sum_exp: logSumExp + task.start * heads + task.head, sum_stride: heads, dq: target,
                dk: target + y.columns, dv: target + 2 * y.columns)
            alta_half_attention_backward(&head, &gradient, scratch)
        }
    }

    /// The kernels take heads of whole vectors.
    private func isNative(_ shape: AttentionShape) -> Bool { halfKernels > .widened && shape.width % 16 == 0 }

    /// Runs `body` for every head of every segment, each on one thread with that thread's scratch.
    private func forEachHalfHead(
        _ shape: AttentionShape, _ qkv: HalfMatrix, scratch bytes: (_ length: Int, _ width: Int) -> Int,
        _ body: (alta_attention_head, HalfHeadTask, UnsafeMutableRawPointer?) -> Void
    ) {
        let tasks = shape.segments.count * shape.heads
        guard tasks > 0 && shape.segments.rows > 0 else { return }
        let longest = (0..<shape.segments.count).reduce(0) { max($0, shape.segments[$1].count) }
        let byteCount = bytes(longest, shape.width)
        let parts = min(threads, tasks)
        parallelParts(parts) { part in
            let arena = threadScratch[part]
            arena.scoped {
                let scratch: UnsafeMutableBufferPointer<UInt8> = arena.buffer(byteCount)
                // Neighbouring tasks go to different threads, so that long segments are shared out.
                for index in stride(from: part, to: tasks, by: parts) {
                    let task = HalfHeadTask(shape, segment: index / shape.heads, head: index % shape.heads)
                    guard task.length > 0 else { continue }
                    body(task.described(qkv, shape, halfKernels), task, UnsafeMutableRawPointer(scratch.baseAddress))
                }
            }
        }
    }
}

/// One head of one segment: `length` rows from `start`, `width` columns.
private struct HalfHeadTask {
    let segment: Int
    let head: Int
    let start: Int
    let length: Int
    let width: Int

    init(_ shape: AttentionShape, segment: Int, head: Int) {
        let rows = shape.segments[segment]
        self.segment = segment
        self.head = head
        start = rows.lowerBound
        length = rows.count
        width = shape.width
    }

    /// Where this head's columns begin, in a matrix whose first block of columns holds the heads.
    func offset(in matrix: HalfMatrix) -> Int { start * matrix.columns + head * width }

    func described(_ qkv: HalfMatrix, _ shape: AttentionShape, _ kernels: HalfKernels) -> alta_attention_head {
        let q = qkv.words + offset(in: qkv)
        let law = DropoutLaw(rate: shape.dropout?.rate ?? 0)
        return alta_attention_head(
            level: kernels.level, q: q, k: q + shape.heads * width, v: q + 2 * shape.heads * width,
            stride: qkv.columns, length: length, width: width, scale: 1 / Float(width).squareRoot(),
            drops: shape.dropout != nil, key: shape.dropout?.keys[segment].bits ?? 0, threshold: law.threshold,
            keep_scale: law.scale, index: head)
    }
}

extension Engine {
    /// Without instructions for bf16, and for heads of odd widths: the fp32 kernel on widened numbers.
    private func widenedAttention(
        _ qkv: HalfMatrix, _ shape: AttentionShape, into y: HalfMatrix, logSumExp: UnsafeMutablePointer<Float>,
        dropout: AttentionDropout?
    ) {
        scratch.scoped {
            let result = scratch.matrix(y.rows, y.columns)
            attention(
                widened(qkv), segments: shape.segments, heads: shape.heads, into: result, logSumExp: logSumExp,
                dropout: dropout)
            convert(result, into: y)
        }
    }

    private func widenedAttentionBackward(
        _ dy: HalfMatrix, _ qkv: HalfMatrix, _ y: HalfMatrix, _ shape: AttentionShape,
        logSumExp: UnsafePointer<Float>, dropout: AttentionDropout?, into dqkv: HalfMatrix
    ) {
        scratch.scoped {
            let result = scratch.matrix(dqkv.rows, dqkv.columns)
            attentionBackward(
                widened(dy), qkv: widened(qkv), y: widened(y), logSumExp: logSumExp, segments: shape.segments,
                heads: shape.heads, dropout: dropout, into: result)
            convert(result, into: dqkv)
        }
    }

    /// A copy in fp32, taken from the scratch.
    private func widened(_ x: HalfMatrix) -> Matrix {
        let copy = scratch.matrix(x.rows, x.columns)
        convert(x, into: copy)
        return copy
    }
}
