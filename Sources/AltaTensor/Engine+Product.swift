import CAltaKernels

/// What tells one oneDNN primitive with a packed weight from another.
struct PackedProduct: Hashable {
    let rows: Int
    let inner: Int
    let columns: Int
    let format: NumberFormat
    let yFormat: NumberFormat
    let hasBias: Bool
    let accumulate: Bool

    var kernelShape: alta_packed_shape {
        alta_packed_shape(
            m: rows, k: inner, n: columns, format: format.kernelFormat, y_format: yFormat.kernelFormat,
            has_bias: hasBias, accumulate: accumulate)
    }
}

extension Engine {
    /// `y [R, outputs] = x [R, inputs] . W^T + bias [outputs]`, or added to what `y` holds.
    ///
    /// `x` has the format of the packed weight, `y` either format. A row's bits do not depend on R nor on the other rows.
    /// `y` must not overlap `x`.
    public func forward(
        _ x: Operand, _ w: PackedMatrix, bias: UnsafePointer<Float>?, into y: Operand, accumulate: Bool = false
    ) {
        guard let storage = w.forwardStorage else { preconditionFailure("a weight not packed for forward()") }
        precondition(
            x.columns == w.inputs && y.columns == w.outputs && x.rows == y.rows,
            "\(y.shape) = \(x.shape) times a weight [\(w.outputs), \(w.inputs)] transposed")
        multiply(x, w.format, storage, bias: bias, into: y, accumulate: accumulate)
    }

    /// `dx [R, inputs] (+)= dy [R, outputs] . W`, with formats as in `forward`. A row's bits do not depend on R nor on
    /// the other rows.
    public func backward(_ dy: Operand, _ w: PackedMatrix, into dx: Operand, accumulate: Bool) {
        guard let storage = w.backwardStorage else { preconditionFailure("a weight not packed for backward()") }
        precondition(
            dy.columns == w.outputs && dx.columns == w.inputs && dx.rows == dy.rows,
            "\(dx.shape) = \(dy.shape) times a weight [\(w.outputs), \(w.inputs)]")
        multiply(dy, w.format, storage, bias: nil, into: dx, accumulate: accumulate)
    }

    /// `forward` of fp32 matrices, with a weight packed in fp32.
    public func forward(
        _ x: Matrix, _ w: PackedMatrix, bias: UnsafePointer<Float>?, into y: Matrix, accumulate: Bool = false
    ) {
        forward(.full(x), w, bias: bias, into: .full(y), accumulate: accumulate)
    }

    /// `backward` of fp32 matrices, with a weight packed in fp32.
    public func backward(_ dy: Matrix, _ w: PackedMatrix, into dx: Matrix, accumulate: Bool) {
        backward(.full(dy), w, into: .full(dx), accumulate: accumulate)
    }

    func multiply(
        _ x: Operand, _ format: NumberFormat, _ w: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?,
        into y: Operand, accumulate: Bool
    ) {
        precondition(x.format == format, "\(x.format) \(x.shape) times a weight packed as \(format)")
        let panels = InnerPanels(inner: x.columns, columns: y.columns, format: format)
        guard panels.columnsTogether < y.columns else {
            return multiplyGroup(panels, x, w, bias: bias, into: y, accumulate: accumulate)
        }
        forEachRowBlock(x.rows) { rows in
            for group in panels.columnGroups {
                scratch.scoped {
                    let part = scratch.operand(rows.count, group.count, y.format)
                    if accumulate { part.copyColumns(group, of: y.rows(rows)) }
                    multiplyGroup(
                        panels, x.rows(rows), w + panels.offset(group, panel: 0),
                        bias: bias.map { $0 + group.lowerBound }, into: part, accumulate: accumulate)
                    y.rows(rows).setColumns(group, to: part)
                }
            }
        }
    }

    /// `y (+)= x . w` of columns that are packed together.
    private func multiplyGroup(
        _ panels: InnerPanels, _ x: Operand, _ w: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?,
        into y: Operand, accumulate: Bool
    ) {
        guard panels.count > 1 else { return multiplyWhole(x, w, bias: bias, into: y, accumulate: accumulate) }
        forEachRowBlock(x.rows) { rows in
            multiplyPanels(
                panels, rows: rows.count, w, bias: bias, into: y.rows(rows), accumulate: accumulate
            ) { part, panel in panel.copyColumns(part, of: x.rows(rows)) }
        }
    }

    /// `y (+)= x . w` in whole multiples of `rowMultiple`, in place where both matrices have the slack.
    ///
    /// Primitives are made for such multiples only: there are fewer of them, and no kernel for odd row counts (a single
    /// row goes another way in oneDNN) can give a row other bits.
    func multiplyWhole(
        _ x: Operand, _ w: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?, into y: Operand, accumulate: Bool
    ) {
        operationCount += 2 * x.rows * x.columns * y.columns
        let padded = Engine.paddedRows(x.rows)
        let least = Engine.leastRows(columns: y.columns, x.format)
        var inPlace = padded - x.rows <= min(x.slackRows, y.slackRows) ? padded : padded - Engine.rowMultiple
        if inPlace < least { inPlace = 0 }
        if inPlace > 0 { run(rows: inPlace, x, w, bias, y, accumulate: accumulate) }
        guard inPlace < x.rows else { return }
        let rest = inPlace..<x.rows
        scratch.scoped {
            let xRest = scratch.operand(least, x.columns, x.format)
            let yRest = scratch.operand(least, y.columns, y.format)
            xRest.rows(0..<rest.count).copy(from: x.rows(rest))
            if accumulate { yRest.rows(0..<rest.count).copy(from: y.rows(rest)) }
            run(rows: least, xRest, w, bias, yRest, accumulate: accumulate)
            y.rows(rest).copy(from: yRest.rows(0..<rest.count))
        }
    }

    /// The fewest rows of a product. In bf16 oneDNN takes another kernel, with other bits, for up to 32 rows of at most 16
    /// columns.
    private static func leastRows(columns: Int, _ format: NumberFormat) -> Int {
        format == .half && columns <= 16 ? 4 * rowMultiple : rowMultiple
    }

    private func run(
        rows: Int, _ x: Operand, _ w: UnsafeMutableRawPointer, _ bias: UnsafePointer<Float>?, _ y: Operand,
        accumulate: Bool
    ) {
        if case (.naive, .full(let x), .full(let y)) = (kernels, x, y) {
            return Naive.packedProduct(x, w, bias: bias, into: y, rows: rows, accumulate: accumulate)
        }
        let product = PackedProduct(
            rows: rows, inner: x.columns, columns: y.columns, format: x.format, yFormat: y.format,
            hasBias: bias != nil, accumulate: accumulate)
        let primitive = products.primitive(product) { alta_matmul_create(handle, product.kernelShape, &$0) }
        let status = alta_matmul_run(handle, primitive, x.base, w, bias, y.base)
        precondition(status == 0, "oneDNN failed on \(product): status \(status)")
    }
}
