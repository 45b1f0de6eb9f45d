/// Ranks as people write them.
package enum RankList {
    /// `rank 3`, `ranks 0-3, 7`: runs are drawn together, and of many the first are named.
    package static func text(_ ranks: [Int], limit: Int = 8) -> String {
        var runs: [ClosedRange<Int>] = []
        for rank in ranks.sorted() {
            if let last = runs.last, last.upperBound + 1 == rank {
                runs[runs.count - 1] = last.lowerBound...rank
            } else {
                runs.append(rank...rank)
            }
        }
        let texts = runs.prefix(limit).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        let rest = runs.dropFirst(limit).reduce(0) { $0 + $1.count }
        let more = rest > 0 ? " and \(rest) more" : ""
        return (ranks.count == 1 ? "rank " : "ranks ") + texts.joined(separator: ", ") + more
    }
}
