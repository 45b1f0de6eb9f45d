import CAltaKernels

extension Engine {
    /// `y [R, W] = gelu(x [R, W] . E^T + e) . C^T + c` with frozen weights, a block of rows at a time, so that what lies
    /// between the products stays in the cache.
    ///
    /// - Parameter inner: `[R, inner]`, what GELU is taken of, for the way back; nil: not kept.
    public func feedForward(
        _ x: Operand, expand: PackedMatrix, expandBias: UnsafePointer<Float>, contract: PackedMatrix,
        contractBias: UnsafePointer<Float>, inner: Operand?, into y: Operand
    ) {
        guard let weight = contract.forwardStorage else { preconditionFailure("a weight not packed for forward()") }
        let panels = InnerPanels(inner: contract.inputs, columns: contract.outputs, format: contract.format)
        forEachRowBlock(x.rows) { rows in
            let before = inner?.rows(rows) ?? scratch.operand(rows.count, expand.outputs, format)
            forward(x.rows(rows), expand, bias: expandBias, into: before)
            multiplyPanels(
                panels, rows: rows.count, weight, bias: contractBias, into: y.rows(rows), accumulate: false
            ) { columns, panel in gelu(before, columns: columns, into: panel) }
        }
    }

    /// The gradient of `feedForward` in `x`: `dx (+)= ...`.
    public func feedForwardBackward(
        _ dy: Operand, inner: Operand, expand: PackedMatrix, contract: PackedMatrix, into dx: Operand,
        accumulate: Bool
    ) {
        guard let weight = expand.backwardStorage else { preconditionFailure("a weight not packed for backward()") }
        let panels = InnerPanels(inner: expand.outputs, columns: expand.inputs, format: expand.format)
        forEachRowBlock(dy.rows) { rows in
            let gradient = scratch.operand(rows.count, contract.inputs, format)
            backward(dy.rows(rows), contract, into: gradient, accumulate: false)
            multiplyPanels(
                panels, rows: rows.count, weight, bias: nil, into: dx.rows(rows), accumulate: accumulate
            ) { columns, panel in geluBackward(gradient, x: inner.rows(rows), columns: columns, into: panel) }
        }
    }

    /// GELU of some columns, into a dense matrix.
    private func gelu(_ x: Operand, columns: Range<Int>, into y: Operand) {
        guard case (.half(let x), .half(let y)) = (x, y), columns.count < x.columns else { return gelu(x, into: y) }
        parallel(x.rows, elementsEach: columns.count) { rows in
            for row in rows {
                let start = row * x.columns + columns.lowerBound
                alta_half_gelu(x.words + start, y.words + row * y.columns, y.columns, 0, 1)
            }
        }
    }

    /// `dx = dy . gelu'(x)` of some columns of `dy` and `x`, into a dense matrix.
    private func geluBackward(_ dy: Operand, x: Operand, columns: Range<Int>, into dx: Operand) {
        guard case (.half(let dy), .half(let x), .half(let dx)) = (dy, x, dx), columns.count < x.columns else {
            return geluBackward(dy, x: x, into: dx, accumulate: false)
        }
        parallel(x.rows, elementsEach: columns.count) { rows in
            for row in rows {
                let start = row * x.columns + columns.lowerBound
                alta_half_gelu_backward(
                    dy.words + start, x.words + start, dx.words + row * dx.columns, false, dx.columns, 0, 1)
            }
        }
    }
}
