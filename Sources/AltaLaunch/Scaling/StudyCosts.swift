import AltaCore

/// What studies cost relative to one another, and how evenly they can be dealt to ranks.
public struct StudyCosts: Equatable, Sendable {
    /// The radiographs of a study, in tokens of a report.
    public var radiographs: Int
    /// Tokens of reports, ascending: quantiles of what is trained on.
    public var reports: [Int]

    /// - Parameter reports: tokens of each; at least one.
    public init(radiographs: Int, reports: [Int]) {
        precondition(!reports.isEmpty, "no report's length")
        self.radiographs = radiographs
        self.reports = reports.sorted()
    }

    /// Lengths spread evenly from the shortest to the longest, as `bench step` has them.
    public init(radiographs: Int, shortest: Int, longest: Int) {
        self.init(radiographs: radiographs, reports: Array(min(shortest, longest)...max(shortest, longest)))
    }

    /// Reads what `alta-data tokenize` printed, an object with `ids` a line.
    /// Errors: the file cannot be read, a line is none of those, or there is none.
    /// - Parameter longest: the most tokens that the model takes: longer reports are cut.
    public static func load(radiographs: Int, tokenized path: String, longest: Int = .max) throws -> StudyCosts {
        let bytes = try SmallFile.contents(path, what: "the tokenized reports", limit: 1 << 30)
        var lengths: [Int] = []
        for (row, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            let value = try line.withUnsafeBytes { try JSONValue(parsing: $0, file: path) }
            guard let ids = value["ids"]?.array, !ids.isEmpty else {
                throw AltaError(
                    "a line is no tokenized report", remedy: "give the output of alta-data tokenize", file: path,
                    row: row + 1)
            }
            lengths.append(min(ids.count, longest))
        }
        guard !lengths.isEmpty else {
            throw AltaError("there is no report", remedy: "give the output of alta-data tokenize", file: path)
        }
        return StudyCosts(radiographs: radiographs, reports: quantiles(lengths))
    }

    /// The cost of the costliest rank's share over the mean of all ranks, where a batch whose reports are even quantiles
    /// is dealt as in training: the costliest study first, each to the rank that has least so far (ties: the lowest).
    public func imbalance(studies: Int, ranks: Int) -> Double {
        guard studies > 0, ranks > 1 else { return 1 }
        let costs = (0..<studies).map {
            radiographs + reports[min(reports.count - 1, (2 * $0 + 1) * reports.count / (2 * studies))]
        }
        var least = LeastLoad(ranks: ranks)
        for cost in costs.reversed() { least.add(cost) }
        let mean = Double(costs.reduce(0, +)) / Double(ranks)
        return max(1, Double(least.largest) / mean)
    }

    /// At most 256 of many lengths.
    private static func quantiles(_ lengths: [Int]) -> [Int] {
        let sorted = lengths.sorted()
        guard sorted.count > 256 else { return sorted }
        return (0..<256).map { sorted[(2 * $0 + 1) * sorted.count / 512] }
    }
}

/// The loads of ranks, the smallest first: a binary heap.
private struct LeastLoad {
    private var loads: [Int]
    private(set) var largest = 0

    init(ranks: Int) { loads = Array(repeating: 0, count: ranks) }

    /// Gives a cost to a rank that has least.
    mutating func add(_ cost: Int) {
        loads[0] += cost
        largest = max(largest, loads[0])
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < loads.count else { return }
            if child + 1 < loads.count, loads[child + 1] < loads[child] { child += 1 }
            guard loads[child] < loads[parent] else { return }
            loads.swapAt(child, parent)
            parent = child
        }
    }
}
