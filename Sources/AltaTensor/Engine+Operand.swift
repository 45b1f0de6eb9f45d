import AltaCore

// Kernels that take either format, so that callers need not ask which one their engine has.
extension Engine {
    /// `x` in fp32: itself, or a copy in `scratch`.
    public func inFull(_ x: Operand) -> Matrix {
        switch x {
        case .full(let x): return x
        case .half(let x):
            let copy = scratch.matrix(x.rows, x.columns)
            convert(x, into: copy)
            return copy
        }
    }

    /// `x` in the engine's format: itself, or a copy in `scratch`.
    public func inFormat(_ x: Operand) -> Operand {
        guard x.format != format else { return x }
        let copy = scratch.operand(x.rows, x.columns, format)
        add(x, into: copy, accumulate: false)
        return copy
    }

    /// `z (+)= scale x`, computed in fp32.
    public func add(_ x: Operand, scale: Float = 1, into z: Operand, accumulate: Bool) {
        requireSameShape(x, z, "add")
        switch (x, z) {
        case (.half(let x), .half(let z)) where scale == 1 && !accumulate: return z.copy(from: x)
        case (.full(let x), .half(let z)) where scale == 1 && !accumulate: return convert(x, into: z)
        case (.half(let x), .full(let z)) where scale == 1 && !accumulate: return convert(x, into: z)
        case (.half(let x), .half(let z)) where accumulate: return add(z, x, scaleY: scale, into: z)
        case (.half(let x), .full(let z)) where accumulate: return add(z, x, scaleY: scale, into: z)
        default: break
        }
        scratch.scoped {
            let x = inFull(x)
            let sum = z.format == .full ? z.matrix : scratch.matrix(x.rows, x.columns)
            if !accumulate {
                self.scale(x, by: scale, into: sum)
            } else if case .half(let old) = z {
                convert(old, into: sum)
                addInto(sum, x, scale: scale)
            } else {
                addInto(sum, x, scale: scale)
            }
            if case .half(let z) = z { convert(sum, into: z) }
        }
    }

    /// GELU with the exact error function; see `gelu(_:into:)` of matrices.
    public func gelu(_ x: Operand, into y: Operand) {
        switch (x, y) {
        case (.half(let x), .half(let y)): gelu(x, into: y)
        case (.full(let x), .half(let y)): gelu(x, into: y)
        case (_, .full(let y)): scratch.scoped { gelu(inFull(x), into: y) }
        }
    }

    /// `dx (+)= dy . gelu'(x)`.
    public func geluBackward(_ dy: Operand, x: Operand, into dx: Operand, accumulate: Bool) {
        if case (.half(let dy), .half(let x), .half(let dx)) = (dy, x, dx) {
            return geluBackward(dy, x: x, into: dx, accumulate: accumulate)
        }
        withFull(dx, accumulate: accumulate) { dx in
            geluBackward(inFull(dy), x: inFull(x), into: dx, accumulate: accumulate)
        }
    }

    /// The sum of each column over a range of rows; overwrites `sums` `[C]`.
    public func columnSums(_ x: Operand, rows: Range<Int>, into sums: UnsafeMutablePointer<Float>) {
        switch x {
        case .full(let x): columnSums(x, rows: rows, into: sums)
        case .half(let x): columnSums(x, rows: rows, into: sums)
        }
    }

    /// LayerNorm of fp32 rows into either format.
    public func layerNorm(
        _ x: Matrix, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>, epsilon: Float, into y: Operand,
        mean: UnsafeMutablePointer<Float>, reciprocalDeviation: UnsafeMutablePointer<Float>
    ) {
        switch y {
        case .full(let y):
            layerNorm(
                x, gamma: gamma, beta: beta, epsilon: epsilon, into: y, mean: mean,
                reciprocalDeviation: reciprocalDeviation)
        case .half(let y):
            let norm = NormOperands(
                gamma: gamma, beta: beta, epsilon: epsilon, mean: mean, reciprocalDeviation: reciprocalDeviation)
            layerNorm(x, norm: norm, half: y)
        }
    }

    /// The gradient of `layerNorm` in `x`, from a gradient of either format: `dx (+)= ...`.
    public func layerNormBackward(
        _ dy: Operand, x: Matrix, gamma: UnsafePointer<Float>, mean: UnsafePointer<Float>,
        reciprocalDeviation: UnsafePointer<Float>, into dx: Matrix, accumulate: Bool
    ) {
        switch dy {
        case .full(let dy):
            layerNormBackward(
                dy, x: x, gamma: gamma, mean: mean, reciprocalDeviation: reciprocalDeviation, into: dx,
                accumulate: accumulate)
        case .half(let dy):
            let norm = NormOperands(gamma: gamma, mean: mean, reciprocalDeviation: reciprocalDeviation)
            layerNormBackward(dHalf: dy, dSum: accumulate ? dx : nil, sum: x, norm: norm, into: dx)
        }
    }

    /// The gradients of `layerNorm` in gamma and beta, from a gradient of either format.
    public func layerNormParameterGradient(
        _ dy: Operand, x: Matrix, mean: UnsafePointer<Float>, reciprocalDeviation: UnsafePointer<Float>,
        rows: Range<Int>, gammaGradient: UnsafeMutablePointer<Float>, betaGradient: UnsafeMutablePointer<Float>
    ) {
        switch dy {
        case .full(let dy):
            layerNormParameterGradient(
                dy, x: x, mean: mean, reciprocalDeviation: reciprocalDeviation, rows: rows,
                gammaGradient: gammaGradient, betaGradient: betaGradient)
        case .half(let dy):
            layerNormParameterGradient(
                dy, x: x, mean: mean, reciprocalDeviation: reciprocalDeviation, rows: rows,
                gammaGradient: gammaGradient, betaGradient: betaGradient)
        }
    }

    /// Attention in either format; see `attention` of matrices.
    public func attention(
        _ qkv: Operand, segments: Segments, heads: Int, into y: Operand, logSumExp: UnsafeMutablePointer<Float>,
        dropout: AttentionDropout?
    ) {
        if case (.half(let qkv), .half(let y)) = (qkv, y) {
            return attention(
                qkv, segments: segments, heads: heads, into: y, logSumExp: logSumExp, dropout: dropout)
        }
        withFull(y) { y in
            attention(
                inFull(qkv), segments: segments, heads: heads, into: y, logSumExp: logSumExp, dropout: dropout)
        }
    }

    /// The gradient of `attention` in either format.
    public func attentionBackward(
        _ dy: Operand, qkv: Operand, y: Operand, logSumExp: UnsafePointer<Float>, segments: Segments, heads: Int,
        dropout: AttentionDropout?, into dqkv: Operand
    ) {
        if case (.half(let dy), .half(let qkv), .half(let y), .half(let dqkv)) = (dy, qkv, y, dqkv) {
            return attentionBackward(
                dy, qkv: qkv, y: y, logSumExp: logSumExp, segments: segments, heads: heads, dropout: dropout,
                into: dqkv)
        }
        withFull(dqkv) { dqkv in
            attentionBackward(
                inFull(dy), qkv: inFull(qkv), y: inFull(y), logSumExp: logSumExp, segments: segments, heads: heads,
                dropout: dropout, into: dqkv)
        }
    }

    /// Runs `body` on `z` in fp32, with its old numbers where it is added to.
    private func withFull(_ z: Operand, accumulate: Bool = false, _ body: (Matrix) -> Void) {
        scratch.scoped {
            guard case .half(let half) = z else { return body(z.matrix) }
            let full = scratch.matrix(half.rows, half.columns)
            if accumulate { convert(half, into: full) }
            body(full)
            convert(full, into: half)
        }
    }
}
