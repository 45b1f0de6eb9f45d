import Foundation

extension ScalingResult {
    private static let header = [
        "curve", "hosts", "ranks", "threads", "studies", "studies/s", "smallest-largest", "ratio", "efficiency",
        "exposed", "waiting", "slowest rank", "model", "checked",
    ]

    /// The result as lines for a person.
    package var table: [String] {
        var lines = TextTable.lines(header: Self.header, rows: points.map(row), leftColumns: [0, 11, 13])
        lines += points.filter { !$0.verdict.isValid }.map { "  INVALID: \($0.run.name): \($0.verdict.text)" }
        let texts = Set(points.filter(\.verdict.isValid).map(\.verdict.text)).sorted()
        lines += texts.map { "  checked: \($0)" }
        lines.append(contentsOf: notes.map { "  \($0)" })
        return lines
    }

    private func row(_ point: ScalingPoint) -> [String] {
        let (run, rate) = (point.run, point.studiesPerSecond)
        return [
            point.curve.title, "\(run.hosts)", "\(run.ranks)", "\(run.threads)", "\(run.studies)",
            TextTable.number(rate.median), "\(TextTable.number(rate.smallest))-\(TextTable.number(rate.largest))",
            TextTable.number(point.ratio.median), TextTable.percent(point.efficiency),
            TextTable.percent(point.exposedCommunication), TextTable.percent(point.waiting),
            "\(point.slowestRank) on \(point.slowestHost)",
            point.modelError.map(TextTable.deviation) ?? "-",
            (point.verdict.isValid ? "valid" : "INVALID") + (run.isOversubscribed ? ", oversubscribed" : ""),
        ]
    }

    /// What a reader must know before believing the numbers.
    package var notes: [String] {
        var notes: [String] = []
        if measurement.isNoisy {
            notes.append(
                "NOISY: others used this machine's processors before some jobs; measure again when it is quiet")
        }
        if points.contains(where: \.run.isOversubscribed) {
            notes.append("oversubscribed: more threads than cores; such a time says nothing of scaling")
        }
        let sizes = modelErrors.map { abs($0) }
        if let largest = sizes.max() {
            let mean = sizes.reduce(0, +) / Double(sizes.count)
            let kind = isModelForeign ? "a model fitted to another result" : "the model, fitted to these jobs,"
            notes.append(
                "\(kind) is off by \(TextTable.percent(mean)) of a step in the mean, \(TextTable.percent(largest)) at most "
                    + "(\(sizes.count) places)")
        }
        if let network {
            let speed = String(format: "%.2f", network.bytesPerSecond * 8e-9)
            let latency = String(format: "%.0f", network.latencySeconds * 1e6)
            notes.append("network (\(network.name)): \(speed) Gbit/s of payload, \(latency) us")
        }
        return notes
    }
}

extension ScalingCurve {
    /// As a person calls it.
    package var title: String {
        switch self {
        case .strong: "strong"
        case .weak: "weak"
        case .wholeNode: "whole node"
        }
    }
}
