import Foundation

/// Draws a result: studies a second with the ideal and the model, and efficiency, both over ranks.
package struct ScalingPlot {
    package let result: ScalingResult
    package let setting: BenchSetting

    /// Stores what is drawn.
    package init(result: ScalingResult, setting: BenchSetting) {
        self.result = result
        self.setting = setting
    }

    private static let colors: [ScalingCurve: String] = [.strong: "#1f5fa8", .weak: "#b8520b", .wholeNode: "#2e7d32"]
    private static let shapes: [ScalingCurve: VectorDrawing.MarkShape] = [
        .strong: .circle, .weak: .square, .wholeNode: .diamond,
    ]

    /// The file's text.
    package var svg: String {
        var drawing = VectorDrawing(width: 1040, height: 580)
        heading(&drawing)
        let ticks = Set(result.points.map(\.run.ranks)).sorted()
        let most = Double(ticks.last ?? 1)
        let rates = result.points.map(\.studiesPerSecond.largest) + curves.flatMap { ideal($0).map(\.value) }
        let rate = PlotPanel(
            left: 90, top: 130, width: 390, height: 300, title: "Throughput", label: "studies per second",
            ranks: most, largest: Self.roundedUp((rates.max() ?? 1) * 1.02))
        let efficiency = PlotPanel(
            left: 610, top: 130, width: 390, height: 300, title: "Efficiency",
            label: "share of perfect scaling (%)", ranks: most,
            largest: max(1.2, Self.roundedUp((result.points.map(\.efficiency).max() ?? 1) * 1.02)), isPercent: true)
        rate.draw(on: &drawing, ticks: ticks)
        efficiency.draw(on: &drawing, ticks: ticks)
        efficiencyLine(efficiency, &drawing)
        for curve in curves {
            throughput(curve, rate, &drawing)
            shares(curve, efficiency, &drawing)
        }
        legend(&drawing)
        return drawing.text
    }

    private var curves: [ScalingCurve] { ScalingCurve.allCases.filter { !points($0).isEmpty } }

    private func points(_ curve: ScalingCurve) -> [ScalingPoint] { result.points.filter { $0.curve == curve } }

    private func heading(_ drawing: inout VectorDrawing) {
        let options = setting.options
        let record = result.points.compactMap { result.measurement.records($0.run).first }.first
        drawing.text(
            "Training steps of \(options.model), \(record?.precision ?? options.precision), on \(setting.host) "
                + "(\(setting.cores) cores)", x: 30, y: 34, size: 18, isBold: true)
        let rounds =
            "medians of \(options.repeats) round\(options.repeats == 1 ? "" : "s") x \(options.steps) steps, bars from "
            + "smallest to largest round"
        drawing.text(rounds, x: 30, y: 56, size: 13, color: "#555")
        let verdict =
            result.isValid
            ? (
                "valid: every job's losses equal one rank's" + (result.measurement.isNoisy ? "; NOISY machine" : ""),
                "#2e7d32"
            )
            : ("INVALID: some job did not compute what one rank computes", "#c00000")
        drawing.text(verdict.0, x: 30, y: 78, size: 14, color: verdict.1, isBold: true)
    }

    /// From the first place of the curve on, as much faster as it has more cores.
    private func ideal(_ curve: ScalingCurve) -> [(ranks: Double, value: Double)] {
        guard let base = points(curve).first, curve != .wholeNode else { return [] }
        return points(curve).map {
            let cores = Double($0.run.ranks * $0.run.threads) / Double(base.run.ranks * base.run.threads)
            return (Double($0.run.ranks), base.studiesPerSecond.median * cores)
        }
    }

    private func throughput(_ curve: ScalingCurve, _ panel: PlotPanel, _ drawing: inout VectorDrawing) {
        let color = Self.colors[curve] ?? "#222"
        drawing.line(
            ideal(curve).map { panel.place(ranks: $0.ranks, value: $0.value) }, color: color, dashes: "3 4")
        let predicted = points(curve).compactMap { point in
            point.predictedSeconds.map {
                panel.place(ranks: Double(point.run.ranks), value: Double(point.run.studies) / $0)
            }
        }
        drawing.line(predicted, color: color, width: 1.5, dashes: "10 4")
        for point in points(curve) {
            let (rate, ranks) = (point.studiesPerSecond, Double(point.run.ranks))
            let place = panel.place(ranks: ranks, value: rate.median)
            let ends = [rate.smallest, rate.largest].map { panel.place(ranks: ranks, value: $0) }
            drawing.line(ends, color: color, width: 2)
            mark(point, place, color, "\(TextTable.number(rate.median)) studies/s", &drawing)
        }
    }

    private func shares(_ curve: ScalingCurve, _ panel: PlotPanel, _ drawing: inout VectorDrawing) {
        let color = Self.colors[curve] ?? "#222"
        let places = points(curve).map { panel.place(ranks: Double($0.run.ranks), value: $0.efficiency) }
        if curve != .wholeNode { drawing.line(places, color: color, width: 2) }
        for (point, place) in zip(points(curve), places) {
            mark(point, place, color, "efficiency \(TextTable.percent(point.efficiency))", &drawing)
        }
    }

    private func mark(
        _ point: ScalingPoint, _ place: (x: Double, y: Double), _ color: String, _ text: String,
        _ drawing: inout VectorDrawing
    ) {
        let state = point.verdict.isValid ? "" : ", INVALID: \(point.verdict.text)"
        let shape = Self.shapes[point.curve] ?? .circle
        drawing.mark(
            point.verdict.isValid ? shape : .cross, x: place.x, y: place.y,
            color: point.verdict.isValid ? (point.run.isOversubscribed ? "#999" : color) : "#c00000",
            title: "\(point.curve.title): \(point.run.name): \(text)\(state)")
    }

    private func efficiencyLine(_ panel: PlotPanel, _ drawing: inout VectorDrawing) {
        drawing.line(
            [panel.place(ranks: 1, value: 1), panel.place(ranks: panel.ranks, value: 1)], color: "#222", dashes: "3 4")
    }

    private func legend(_ drawing: inout VectorDrawing) {
        var x = 60.0
        for curve in curves {
            guard let point = points(curve).first else { continue }
            let growth =
                curve == .weak
                ? "\(point.run.studies / point.run.ranks) studies a rank" : "\(point.run.studies) studies"
            let text = curve == .wholeNode ? "whole node: all cores as 1 rank or as many" : "\(curve.title), \(growth)"
            drawing.mark(Self.shapes[curve] ?? .circle, x: x, y: 506, color: Self.colors[curve] ?? "#222", title: text)
            drawing.text(text, x: x + 12, y: 511)
            x += 34 + 7.6 * Double(text.count)
        }
        x = 60
        let marks: [(dashes: String, text: String)] = [("3 4", "ideal"), ("10 4", "model")]
        for (dashes, text) in marks {
            drawing.line([(x - 6, 538), (x + 30, 538)], color: "#222", width: 1.5, dashes: dashes)
            drawing.text(text, x: x + 38, y: 543)
            x += 110
        }
        drawing.mark(.cross, x: x + 6, y: 538, color: "#c00000", title: "INVALID")
        drawing.text("INVALID", x: x + 20, y: 543)
        drawing.mark(.circle, x: x + 112, y: 538, color: "#999", title: "oversubscribed")
        drawing.text("more threads than cores", x: x + 126, y: 543)
    }

    private static func roundedUp(_ value: Double) -> Double {
        let step = PlotPanel.step(value)
        return (value / step).rounded(.up) * step
    }
}
