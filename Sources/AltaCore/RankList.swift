/// Ranks as people read them: `rank 3`, `ranks 0-3, 7`.
public enum RankList {
    /// The ranks, ascending, neighbours drawn together.
    public static func text(_ ranks: some Sequence<Int>) -> String {
        var runs: [ClosedRange<Int>] = []
        for rank in Set(ranks).sorted() {
            if let run = runs.last, run.upperBound + 1 == rank {
                runs[runs.count - 1] = run.lowerBound...rank
            } else {
                runs.append(rank...rank)
            }
        }
        let parts = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return (parts.count == 1 && runs[0].count == 1 ? "rank " : "ranks ") + parts.joined(separator: ", ")
    }

    /// The ranks, host by host in the order of their first ranks: `ranks 0-3 on node1, rank 7 on node2`.
    /// - Parameter hosts: the host of each rank, `[R]`.
    public static func text(_ ranks: some Sequence<Int>, hosts: [String]) -> String {
        byHost(ranks, hosts: hosts).map { "\(text($0.ranks)) on \($0.host)" }.joined(separator: ", ")
    }

    /// The ranks of each host, in the order of their first ranks.
    public static func byHost(_ ranks: some Sequence<Int>, hosts: [String]) -> [(host: String, ranks: [Int])] {
        var found: [(host: String, ranks: [Int])] = []
        var places: [String: Int] = [:]
        for rank in Set(ranks).sorted() {
            if let place = places[hosts[rank]] {
                found[place].ranks.append(rank)
            } else {
                places[hosts[rank]] = found.count
                found.append((hosts[rank], [rank]))
            }
        }
        return found
    }
}
