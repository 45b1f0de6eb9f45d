import AltaCore
import CAltaKernels

/// What one call of attention is about, checked.
struct AttentionShape {
    let segments: Segments
    let heads: Int
    let width: Int
    let dropout: AttentionDropout?

    init(_ qkv: Matrix, _ y: Matrix, _ segments: Segments, _ heads: Int, _ dropout: AttentionDropout?) {
        self.init((qkv.rows, qkv.columns), (y.rows, y.columns), segments, heads, dropout)
    }

    init(_ qkv: HalfMatrix, _ y: HalfMatrix, _ segments: Segments, _ heads: Int, _ dropout: AttentionDropout?) {
        self.init((qkv.rows, qkv.columns), (y.rows, y.columns), segments, heads, dropout)
    }

    private init(
        _ qkv: (rows: Int, columns: Int), _ y: (rows: Int, columns: Int), _ segments: Segments, _ heads: Int,
        _ dropout: AttentionDropout?
    ) {
        precondition(
            heads > 0 && qkv.columns == 3 * y.columns && y.columns % heads == 0,
            "attention of \(qkv) with \(heads) heads into \(y)")
        precondition(
            qkv.rows == segments.rows && y.rows == segments.rows,
            "attention of \(qkv) into \(y) over segments of \(segments.rows) rows")
        precondition(
            dropout.map { $0.keys.count == segments.count } ?? true,
            "\(dropout?.keys.count ?? 0) dropout keys for \(segments.count) segments")
        self.segments = segments
        self.heads = heads
        width = y.columns / heads
        self.dropout = dropout.flatMap { $0.rate > 0 ? $0 : nil }
    }
}

extension AttentionShape {
    /// What one product of a head's matrices takes, over all heads and segments: 2 T^2 d each.
    var operationsPerProduct: Int {
        (0..<segments.count).reduce(0) { $0 + 2 * segments[$1].count * segments[$1].count * heads * width }
    }
}

/// A matrix inside a wider one: its first element and the distance between its rows.
private struct Strided {
    let base: UnsafeMutablePointer<Float>
    let stride: Int
}

/// One head of one segment: `length` rows from `start`, `width` columns. Runs on one thread.
struct AttentionHead {
    /// Products of `forward`: scores, and their sum of the values.
    static let forwardProducts = 2
    /// Products of `backward`: the scores again, and one each for dP, dq, dk and dv.
    static let backwardProducts = 5

    let start: Int
    let length: Int
    private let index: Int
    private let heads: Int
    private let width: Int
    private let scale: Float
    private let dropout: (key: RandomKey, law: DropoutLaw)?
    private let kernels: ProductKernels

    init(_ shape: AttentionShape, segment: Int, head: Int, kernels: ProductKernels) {
        self.kernels = kernels
        let rows = shape.segments[segment]
        start = rows.lowerBound
        length = rows.count
        index = head
        heads = shape.heads
        width = shape.width
        scale = 1 / Float(shape.width).squareRoot()
        dropout = shape.dropout.map { ($0.keys[segment], DropoutLaw(rate: $0.rate)) }
    }

    func forward(_ qkv: Matrix, into y: Matrix, logSumExp: UnsafeMutablePointer<Float>, _ arena: Arena) {
        let scores = scores(qkv, arena)
        alta_softmax(scores.base, logSumExp + start * heads + index, heads, length, length)
        if let factors = dropoutFactors(arena) { alta_multiply(scores.base, factors, length * length) }
        // y [T, d] = P [T, T] . v [T, d]
        product(scores, false, part(qkv, 2), false, into: part(y, 0), m: length, n: width, k: length)
    }

    func backward(
        _ dy: Matrix, qkv: Matrix, y: Matrix, logSumExp: UnsafePointer<Float>, into dqkv: Matrix, _ arena: Arena
    ) {
        let probabilities = scores(qkv, arena)
        alta_softmax_again(probabilities.base, logSumExp + start * heads + index, heads, length, length)
        let factors = dropoutFactors(arena)
        // dP [T, T] = dy [T, d] . v^T, then dS in its place.
        let gradient = square(arena)
        product(part(dy, 0), false, part(qkv, 2), true, into: gradient, m: length, n: length, k: width)
        alta_softmax_backward(
            probabilities.base, factors, gradient.base, part(dy, 0).base, part(y, 0).base, width, y.columns, scale,
            length, length)
        // dq = dS . k, dk = dS^T . q, dv = P^T . dy: all [T, d]
        product(gradient, false, part(qkv, 1), false, into: part(dqkv, 0), m: length, n: width, k: length)
        product(gradient, true, part(qkv, 0), false, into: part(dqkv, 1), m: length, n: width, k: length)
        product(probabilities, true, part(dy, 0), false, into: part(dqkv, 2), m: length, n: width, k: length)
    }

    /// `q k^T / sqrt(d)`, `[T, T]`.
    private func scores(_ qkv: Matrix, _ arena: Arena) -> Strided {
        let scores = square(arena)
        product(
            part(qkv, 0), false, part(qkv, 1), true, into: scores, m: length, n: length, k: width, alpha: scale)
        return scores
    }

    /// What each probability is multiplied by: 1 / (1 - rate) or 0.
    private func dropoutFactors(_ arena: Arena) -> UnsafeMutablePointer<Float>? {
        guard let dropout else { return nil }
        let factors = square(arena)
        alta_dropout_factors(
            factors.base, dropout.key.bits, dropout.law.threshold, dropout.law.scale, Int64(index * length * length),
            Int64(length * length))
        return factors.base
    }

    private func square(_ arena: Arena) -> Strided {
        Strided(base: arena.matrix(length, length).base, stride: length)
    }

    /// This head's columns of block `block` (query, key, value) of the segment's rows.
    private func part(_ matrix: Matrix, _ block: Int) -> Strided {
        Strided(
            base: matrix.base + start * matrix.columns + (block * heads + index) * width, stride: matrix.columns)
    }

    private func product(
        _ a: Strided, _ transposeA: Bool, _ b: Strided, _ transposeB: Bool, into c: Strided, m: Int, n: Int, k: Int,
        alpha: Float = 1
    ) {
        kernels.product(
            threads: 1, m: m, n: n, k: k, alpha: alpha, a: a.base, lda: a.stride, transposeA: transposeA, b: b.base,
            ldb: b.stride, transposeB: transposeB, beta: 0, c: c.base, ldc: c.stride)
    }
}
