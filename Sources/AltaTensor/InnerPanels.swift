/// How the inner dimension of a packed weight is cut: products with it are added up panel by panel.
///
/// Rows that lie a multiple of 4 KiB apart fall on the same sets of a first-level cache, and AMX loads 16 of them at a
/// time. Measured on one core, bf16 `[192, 3072] x [3072, 768]`: 710 GFLOP/s whole, 970 in four panels of dense rows.
struct InnerPanels {
    /// How many there are.
    let count: Int
    /// The inner dimension of one.
    let inner: Int
    /// The other dimension of the weight.
    let columns: Int
    /// The weight's format.
    let format: NumberFormat

    /// The panels of a weight `[inner, columns]`: one where its rows are short, or in fp32, which gains nothing.
    init(inner: Int, columns: Int, format: NumberFormat) {
        let isCut = format == .half && inner >= InnerPanels.longRow && inner % (4 * InnerPanels.multiple) == 0
        count = isCut ? 4 : 1
        self.inner = inner / count
        self.columns = columns
        self.format = format
    }

    /// Bytes of one, rounded up to cache lines: packing changes the order of the numbers, not their number.
    var byteCount: Int {
        (inner * columns * format.byteCount + Region.alignment - 1) & ~(Region.alignment - 1)
    }

    /// Rows of 2048 bf16 numbers take 4 KiB.
    private static let longRow = 2048
    /// oneDNN packs blocks of 64.
    private static let multiple = 64
}

extension Engine {
    /// Rows at a time in products whose left side is made panel by panel: what is between them (0.3 MB a panel of 768,
    /// 1.2 MB a row of 3072) stays in a second-level cache. Threads share such a block out.
    var panelRows: Int { 192 * threads }

    /// Runs `body` on blocks of `panelRows` rows, each with the scratch to itself.
    func forEachRowBlock(_ count: Int, _ body: (Range<Int>) -> Void) {
        for start in stride(from: 0, to: count, by: panelRows) {
            scratch.scoped { body(start..<min(count, start + panelRows)) }
        }
    }

    /// `y (+)= x . w + bias`, where `x` `[rows, inner]` is made a panel of columns at a time, and never whole.
    ///
    /// - Parameters:
    ///   - w: packed, panel after panel.
    ///   - fill: writes the columns that it is given of every row into a dense matrix.
    func multiplyPanels(
        _ panels: InnerPanels, rows: Int, _ w: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?, into y: Operand,
        accumulate: Bool, fill: (_ columns: Range<Int>, _ panel: Operand) -> Void
    ) {
        scratch.scoped {
            let panel = scratch.operand(rows, panels.inner, panels.format)
            let isRounded = y.format == .half && panels.count > 1
            let sum = isRounded ? .full(scratch.matrix(rows, y.columns)) : y
            if isRounded && accumulate { add(y, into: sum, accumulate: false) }
            for index in 0..<panels.count {
                fill(index * panels.inner..<(index + 1) * panels.inner, panel)
                multiplyWhole(
                    panel, w + index * panels.byteCount, bias: index == 0 ? bias : nil, into: sum,
                    accumulate: accumulate || index > 0)
            }
            if isRounded { add(sum, into: y, accumulate: false) }
        }
    }
}

extension Operand {
    /// Copies some columns of a wider operand of as many rows.
    func copyColumns(_ columns: Range<Int>, of source: Operand) {
        for row in 0..<rows {
            self.row(row).copyMemory(
                from: source.row(row) + columns.lowerBound * format.byteCount,
                byteCount: columns.count * format.byteCount)
        }
    }
}
