/// How a packed weight is cut. Products with it are added up over panels of the inner dimension, in order.
///
/// In bf16 no panel is longer than 768. For longer ones oneDNN cuts by itself, and where depends on the number of rows
/// (found by comparing 16 to 800 rows, AMX, oneDNN 2.6.3), so a row's bits would depend on its neighbours. Panels are
/// also faster: rows that lie a multiple of 2 KiB apart fall on few sets of a first-level cache, and AMX loads 16 of them
/// at a time. Measured on one core, `[192, 3072] x [3072, 768]`: 710 GFLOP/s whole, 970 in four panels of dense rows.
///
/// Columns are cut only where there are many and oneDNN would pad them, as the 30,522 words of a vocabulary: it packs blocks
/// of 64, and without packing turns all of the weight around in every product.
struct InnerPanels {
    /// How many there are.
    let count: Int
    /// The inner dimension of the weight.
    let whole: Int
    /// The inner dimension of every panel but the last, which may be shorter.
    let inner: Int
    /// The other dimension of the weight.
    let columns: Int
    /// How many columns are packed together; the last ones may be fewer.
    let columnsTogether: Int
    /// The weight's format.
    let format: NumberFormat

    /// The panels of a weight `[inner, columns]`: one in fp32, where oneDNN's order does not depend on the rows.
    init(inner: Int, columns: Int, format: NumberFormat) {
        whole = inner
        self.columns = columns
        self.format = format
        let isCut = format == .half && columns > InnerPanels.longest && columns % InnerPanels.multiple != 0
        columnsTogether = isCut ? InnerPanels.longest : columns
        let parts = format == .half ? max(1, (inner + InnerPanels.longest - 1) / InnerPanels.longest) : 1
        let even = (inner + parts - 1) / parts
        self.inner = parts == 1 ? inner : (even + InnerPanels.multiple - 1) & ~(InnerPanels.multiple - 1)
        count = parts
    }

    /// The part of the inner dimension that a panel has.
    subscript(index: Int) -> Range<Int> { index * inner..<min(whole, (index + 1) * inner) }

    /// The groups of columns that are packed together.
    var columnGroups: [Range<Int>] {
        stride(from: 0, to: columns, by: columnsTogether).map { $0..<min(columns, $0 + columnsTogether) }
    }

    /// Where a panel of a group of columns begins: groups stand one after the other, each panel after panel, at cache
    /// lines. Packing changes the order of the numbers, not their number.
    func offset(_ group: Range<Int>, panel: Int) -> Int {
        group.lowerBound / columnsTogether * groupBytes(columnsTogether) + panel * panelBytes(inner, group.count)
    }

    /// Bytes of the whole weight.
    var byteCount: Int { columnGroups.last.map { offset($0, panel: 0) + groupBytes($0.count) } ?? 0 }

    private func groupBytes(_ columns: Int) -> Int {
        (count - 1) * panelBytes(inner, columns) + panelBytes(self[count - 1].count, columns)
    }

    private func panelBytes(_ inner: Int, _ columns: Int) -> Int {
        InnerPanels.padded(inner * columns * format.byteCount)
    }

    private static func padded(_ bytes: Int) -> Int { (bytes + Region.alignment - 1) & ~(Region.alignment - 1) }

    private static let longest = 768
    /// oneDNN packs blocks of 64.
    private static let multiple = 64
}

extension Engine {
    /// Runs `body` on blocks of rows, each with the scratch to itself: what is between the products of a block (0.3 MB a
    /// panel of 768, 1.2 MB whole rows of 3072) stays in a second-level cache. Threads share a block out.
    ///
    /// Blocks have some 192 rows a thread, and are about equal: short ones make slow products.
    func forEachRowBlock(_ count: Int, _ body: (Range<Int>) -> Void) {
        let aim = 192 * threads
        let blocks = max(1, (count + 2 * aim / 3) / aim)
        let rows = max(Engine.paddedRows((count + blocks - 1) / blocks), Engine.rowMultiple)
        for start in stride(from: 0, to: count, by: rows) {
            scratch.scoped { body(start..<min(count, start + rows)) }
        }
    }

    /// `y (+)= x . w + bias`, where `x` `[rows, inner]` is made a panel at a time, and not whole but where columns are cut.
    ///
    /// - Parameters:
    ///   - w: the packed weight, or its part for a group of columns where `y` has as many.
    ///   - fill: writes the part of every row that it is given into a dense matrix.
    func multiplyPanels(
        _ panels: InnerPanels, rows: Int, _ w: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?, into y: Operand,
        accumulate: Bool, fill: (_ part: Range<Int>, _ panel: Operand) -> Void
    ) {
        guard panels.columnsTogether == panels.columns || y.columns < panels.columns else {
            return scratch.scoped {
                let x = scratch.operand(rows, panels.whole, panels.format)
                fill(0..<panels.whole, x)
                multiply(x, panels.format, w, bias: bias, into: y, accumulate: accumulate)
            }
        }
        scratch.scoped {
            let isRounded = y.format == .half && panels.count > 1
            let sum = isRounded ? .full(scratch.matrix(rows, y.columns)) : y
            if isRounded && accumulate { add(y, into: sum, accumulate: false) }
            let group = 0..<y.columns
            for index in 0..<panels.count {
                scratch.scoped {
                    let panel = scratch.operand(rows, panels[index].count, panels.format)
                    fill(panels[index], panel)
                    multiplyWhole(
                        panel, w + panels.offset(group, panel: index), bias: index == 0 ? bias : nil, into: sum,
                        accumulate: accumulate || index > 0)
                }
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

    /// Writes a narrower operand of as many rows over some columns.
    func setColumns(_ columns: Range<Int>, to source: Operand) {
        for row in 0..<rows {
            (self.row(row) + columns.lowerBound * format.byteCount).copyMemory(
                from: source.row(row), byteCount: columns.count * format.byteCount)
        }
    }
}
