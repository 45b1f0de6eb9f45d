extension Engine {
    /// Rows of a feed-forward branch at a time: the inner numbers of so many (1.2 MB of bf16 at 3072 wide) stay in a
    /// second-level cache. A multiple of `rowMultiple`.
    static let feedForwardBlock = 192

    /// `y [R, W] = gelu(x [R, W] . E^T + e) . C^T + c` with frozen weights, a block of rows at a time.
    ///
    /// - Parameter inner: `[R, inner]`, what GELU is taken of, for the way back; nil: not kept.
    public func feedForward(
        _ x: Operand, expand: PackedMatrix, expandBias: UnsafePointer<Float>, contract: PackedMatrix,
        contractBias: UnsafePointer<Float>, inner: Operand?, into y: Operand
    ) {
        forEachRowBlock(x.rows) { rows in
            let activated = scratch.operand(rows.count, expand.outputs, format)
            let before = inner?.rows(rows) ?? activated
            forward(x.rows(rows), expand, bias: expandBias, into: before)
            gelu(before, into: activated)
            forward(activated, contract, bias: contractBias, into: y.rows(rows))
        }
    }

    /// The gradient of `feedForward` in `x`: `dx (+)= ...`.
    public func feedForwardBackward(
        _ dy: Operand, inner: Operand, expand: PackedMatrix, contract: PackedMatrix, into dx: Operand,
        accumulate: Bool
    ) {
        forEachRowBlock(dy.rows) { rows in
            let gradient = scratch.operand(rows.count, contract.inputs, format)
            backward(dy.rows(rows), contract, into: gradient, accumulate: false)
            geluBackward(gradient, x: inner.rows(rows), into: gradient, accumulate: false)
            backward(gradient, expand, into: dx.rows(rows), accumulate: accumulate)
        }
    }

    private func forEachRowBlock(_ count: Int, _ body: (Range<Int>) -> Void) {
        for start in stride(from: 0, to: count, by: Engine.feedForwardBlock) {
            scratch.scoped { body(start..<min(count, start + Engine.feedForwardBlock)) }
        }
    }
}
