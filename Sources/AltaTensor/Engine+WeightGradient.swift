import CAltaKernels

/// How a weight gradient in bf16 is cut into products: a function of the shapes alone, so that the bits do not depend on
/// the threads that share the products out.
///
/// oneDNN multiplies a transposed `dy` fast (brgemm) only where its rows lie side by side, and by multiples of 32 rows.
/// Over the rows of a study a copy of a block of `dy`, its rows filled up with zeros, costs less than it gains: one
/// core with AMX, before and with copies, `[768, 768]` over 84 rows 338 and 234 us, over 200 rows 472 and 421;
/// `[192, 768]` over 84 rows 76 and 51; `[2304, 768]` over 200 rows 1894 and 1303. Over more rows the loss of `gemm` is
/// made up, and copies leave the cache.
struct WeightGradientBlocks {
    let rows: Int
    let outputs: Int
    let inputs: Int

    /// Whether products take copies of `dy`, and `x` filled up to `paddedRows`.
    var isCopied: Bool { rows <= 320 && outputs >= 64 }

    /// Outputs of a product; the last may have fewer. A row's bits depend on how many a product has.
    var outputsTogether: Int { isCopied ? 192 : 384 }

    /// The number of products.
    var count: Int { (outputs + outputsTogether - 1) / outputsTogether }

    /// Rows of the products.
    var paddedRows: Int { isCopied ? (rows + 31) / 32 * 32 : rows }

    /// The outputs of a product.
    subscript(block: Int) -> Range<Int> {
        block * outputsTogether..<min(outputs, (block + 1) * outputsTogether)
    }

    func product(_ block: Int, accumulate: Bool) -> PlainProduct {
        .weightGradient(
            rows: paddedRows, outputs: self[block].count, inputs: inputs,
            dyStride: isCopied ? self[block].count : outputs, dwStride: inputs, accumulate: accumulate)
    }
}

extension Engine {
    /// `dW [outputs, inputs] (+)= dy [R, outputs]^T . x [R, inputs]` of bf16 matrices, in fp32, over exactly R rows. The
    /// bits depend on these rows alone, not on the number of threads.
    public func weightGradient(_ dy: HalfMatrix, _ x: HalfMatrix, into dw: Matrix, accumulate: Bool) {
        precondition(
            dy.rows == x.rows && dw.rows == dy.columns && dw.columns == x.columns,
            "weight gradient \(dw.shape) of \(dy.shape) and \(x.shape)")
        guard dw.count > 0 else { return }
        guard dy.rows > 0 else {
            if !accumulate { dw.fill(0) }
            return
        }
        operationCount += 2 * dw.count * dy.rows
        let blocks = WeightGradientBlocks(rows: dy.rows, outputs: dy.columns, inputs: x.columns)
        scratch.scoped {
            let x = scratch.padded(x, columns: 0..<x.columns, to: blocks.paddedRows)
            let parts = min(threads, blocks.count)
            parallelParts(parts) { part in
                for block in stride(from: part, to: blocks.count, by: parts) {
                    run(blocks, block, dy, x, into: dw, accumulate: accumulate, part: part)
                }
            }
        }
    }

    /// One product, on one thread.
    private func run(
        _ blocks: WeightGradientBlocks, _ block: Int, _ dy: HalfMatrix, _ x: HalfMatrix, into dw: Matrix,
        accumulate: Bool, part: Int
    ) {
        let outputs = blocks[block]
        threadScratch[part].scoped {
            let factor =
                blocks.isCopied
                ? threadScratch[part].padded(dy, columns: outputs, to: blocks.paddedRows).base
                : dy.base + outputs.lowerBound
            threadProducts[part].run(
                blocks.product(block, accumulate: accumulate), x: factor, w: x.base, y: dw.row(outputs.lowerBound))
        }
    }
}

extension Arena {
    /// Some columns of a matrix, with rows of zeros up to `rows`: itself where that is what it is, or a copy.
    fileprivate func padded(_ source: HalfMatrix, columns: Range<Int>, to rows: Int) -> HalfMatrix {
        if rows == source.rows && columns.count == source.columns { return source }
        let copy = halfMatrix(rows, columns.count)
        for row in 0..<source.rows {
            copy.row(row).update(from: source.row(row) + columns.lowerBound, count: columns.count)
        }
        copy.rows(source.rows..<rows).fill(0)
        return copy
    }
}
