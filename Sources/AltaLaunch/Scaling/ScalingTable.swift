/// Predictions for a person: a table for each way to grow, a row for each number of ranks, three columns for each network.
public enum ScalingTable {
    /// The lines of all predictions.
    public static func lines(_ predictions: [ScalingPrediction], ranksPerHost: Int) -> [String] {
        var lines: [String] = []
        for mode in ScalingMode.allCases.reversed() {
            let own = predictions.filter { $0.mode == mode }
            guard let first = own.first?.step else { continue }
            let growth =
                mode == .strong ? "\(first.studies) studies in all" : "\(first.studies / first.ranks) studies a rank"
            lines += [
                "",
                "predicted, \(mode.rawValue) scaling, \(growth), \(ranksPerHost) ranks a host, studies/s and efficiency:",
            ]
            lines += table(own)
        }
        let limits = Set(predictions.map(\.limit))
        let meanings = ScalingStep.Part.allCases.filter(limits.contains).map { "\($0.letter) \($0.rawValue)" }
        if !meanings.isEmpty { lines += ["", "what costs most: " + meanings.joined(separator: ", ")] }
        return lines
    }

    private static func table(_ predictions: [ScalingPrediction]) -> [String] {
        let networks = predictions.map(\.step.network).reduce(into: [String]()) {
            if !$0.contains($1) { $0.append($1) }
        }
        let header = ["ranks", "hosts"] + networks.flatMap { [$0, "", ""] }
        let ranks = Set(predictions.map(\.step.ranks)).sorted()
        let rows = ranks.map { count in
            let own = predictions.filter { $0.step.ranks == count }
            let cells = networks.flatMap { network in
                own.first { $0.step.network == network }.map {
                    [TextTable.number($0.step.studiesPerSecond), TextTable.percent($0.efficiency), $0.limit.letter]
                } ?? ["", "", ""]
            }
            return ["\(count)", "\(own.first?.step.hosts ?? 1)"] + cells
        }
        let letters = Set(networks.indices.map { 4 + 3 * $0 })
        return TextTable.lines(header: header, rows: rows, leftColumns: letters)
    }
}

extension ScalingStep.Part {
    /// Stands for it in tables.
    var letter: String {
        switch self {
        case .fixed: "F"
        case .studies: "C"
        case .localLoss: "L"
        case .imbalance: "I"
        case .slowdown: "N"
        case .sharedSums: "S"
        case .gradientTransfer: "G"
        case .embeddings: "E"
        case .latency: "T"
        }
    }
}
