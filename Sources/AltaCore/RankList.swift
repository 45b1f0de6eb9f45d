/// Ranks as people read them: `rank 3`, `ranks 0-3, 7`.
public enum RankList {
    /// The ranks, ascending, neighbours drawn together; of many the first are named.
    /// - Parameter limit: how many runs of neighbours are named.
    public static func text(_ ranks: some Sequence<Int>, limit: Int = 8) -> String {
        let runs = Set(ranks).sorted().runs
        let parts = runs.prefix(limit).map(\.runText)
        let rest = runs.dropFirst(limit).reduce(0) { $0 + $1.count }
        let isOne = runs.count == 1 && runs[0].count == 1
        return (isOne ? "rank " : "ranks ") + parts.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    /// How many hosts a text names.
    private static let hostLimit = 8

    /// The ranks, host by host in the order of their first ranks: `ranks 0-3 on node1, rank 7 on node2`; of many hosts the
    /// first.
    /// - Parameter hosts: the host of each rank, `[R]`.
    public static func text(_ ranks: some Sequence<Int>, hosts: [String]) -> String {
        let groups = byHost(ranks, hosts: hosts)
        let named = groups.prefix(hostLimit).map { "\(text($0.ranks)) on \($0.host)" }
        let rest = groups.count - named.count
        return named.joined(separator: ", ") + (rest > 0 ? " and those of \(rest) hosts more" : "")
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
