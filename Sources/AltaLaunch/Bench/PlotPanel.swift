import Foundation

/// A panel of a plot: ranks to the right in powers of two, something upwards from zero.
struct PlotPanel {
    var left: Double
    var top: Double
    var width: Double
    var height: Double
    var title: String
    var label: String
    /// The largest number of ranks.
    var ranks: Double
    /// The largest value upwards.
    var largest: Double
    /// Whether values are shares, written in percent.
    var isPercent = false

    /// The place of a value.
    func place(ranks: Double, value: Double) -> (x: Double, y: Double) {
        let right = max(log2(self.ranks), 1)
        let share = min(value / max(largest, .leastNormalMagnitude), 1)
        // A margin on both sides, so that no mark lies on the frame.
        return (left + width * (0.06 + 0.88 * log2(max(ranks, 1)) / right), top + height * (1 - share))
    }

    /// Frame, grid, numbers and labels.
    func draw(on drawing: inout VectorDrawing, ticks: [Int]) {
        let step = Self.step(largest)
        for value in stride(from: 0, through: largest * 1.0001, by: step) {
            let y = place(ranks: 1, value: value).y
            drawing.line([(left, y), (left + width, y)], color: "#ddd")
            let text = isPercent ? String(format: "%.0f %%", value * 100) : TextTable.plain(value)
            drawing.text(text, x: left - 8, y: y + 4.5, anchor: .end)
        }
        for tick in ticks {
            let x = place(ranks: Double(tick), value: 0).x
            drawing.line([(x, top + height), (x, top + height + 5)], color: "#222")
            drawing.text("\(tick)", x: x, y: top + height + 20, anchor: .middle)
        }
        drawing.line(
            [(left, top), (left, top + height), (left + width, top + height)], color: "#222", width: 1.5)
        drawing.text(title, x: left, y: top - 14, size: 15, isBold: true)
        drawing.text("ranks (log scale)", x: left + width / 2, y: top + height + 42, anchor: .middle)
        drawing.text(label, x: left - 58, y: top + height / 2, anchor: .middle, turned: true)
    }

    /// A round distance of grid lines: some five of them.
    static func step(_ largest: Double) -> Double {
        guard largest > 0, largest.isFinite else { return 1 }
        let raw = largest / 5
        let power = pow(10, log10(raw).rounded(.down))
        return power * ([1, 2, 5, 10].first { $0 * power >= raw } ?? 10)
    }
}

extension TextTable {
    /// A number of an axis, without zeros at its end.
    static func plain(_ value: Double) -> String { String(format: "%g", (value * 1e6).rounded() / 1e6) }
}
