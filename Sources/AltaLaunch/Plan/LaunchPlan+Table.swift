import AltaCore

extension LaunchPlan {
    /// The plan as a table, a row a host, and what follows from it.
    public var table: String {
        let header = ["host", "cores", "memory nodes", "ranks", "threads each", "bound to", "idle cores"]
        let rows = plannedHosts.map(row)
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        let lines = ([header] + rows).map { row in
            zip(row.dropLast(), widths).map { $0.padded(to: $1) }.joined(separator: "  ") + "  " + (row.last ?? "")
        }
        return (lines + ["binding: \(bindingText)"] + coreLines + notes).joined(separator: "\n")
    }

    /// The plan in one line.
    public var summary: String {
        let place = hosts.count == 1 ? hosts[0].name : "\(hosts.count) hosts"
        return "\(ranks) rank\(ranks == 1 ? "" : "s") x \(threadsPerRank) thread\(threadsPerRank == 1 ? "" : "s") on "
            + "\(place) (\(coresOfHosts.reduce(0, +)) cores, \(idleCoreCount) idle), \(bindingText)"
    }

    private func row(_ host: PlannedHost) -> [String] {
        let ranks = host.ranks.isEmpty ? "none" : Self.range(host.ranks)
        let nodes = host.coresOfMemoryNodes.map(\.cores.count)
        let bound =
            host.coresOfRanks.isEmpty ? "nothing" : threadsPerRank == 1 ? "a core each" : "\(threadsPerRank) cores each"
        let shape = nodes.allSatisfy { $0 == nodes[0] } ? "\(nodes.count) x \(nodes[0])" : Self.sum(nodes)
        return [
            host.host.name, "\(host.coreCount)", shape + (host.isAssumed ? " assumed" : ""), ranks, "\(threadsPerRank)",
            bound, "\(idleCores(of: host))",
        ]
    }

    private static func sum(_ counts: [Int]) -> String { counts.map(String.init).joined(separator: " + ") }

    private static func range(_ ranks: Range<Int>) -> String {
        ranks.count == 1 ? "\(ranks.lowerBound)" : "\(ranks.lowerBound)-\(ranks.upperBound - 1)"
    }

    private var bindingText: String {
        switch binding {
        case .core: "each rank to a core of its own"
        case .cores(let count): "each rank to \(count) cores of its own"
        case .none: isOversubscribed ? "none: more threads than cores, waiting ranks yield" : "none"
        }
    }

    /// Which cores the ranks of the first host have, a line a memory node; others are alike, or assumed.
    private var coreLines: [String] {
        guard let host = plannedHosts.first(where: { !$0.coresOfRanks.isEmpty }) else { return [] }
        var lines: [String] = []
        var start = 0
        while start < host.coresOfRanks.count {
            let nodes = host.memoryNodes(of: host.coresOfRanks[start])
            let alike = host.coresOfRanks[start...].prefix { host.memoryNodes(of: $0) == nodes }
            let first = host.ranks.lowerBound + start
            let cores = CoreList(alike.flatMap(\.cores))
            let each = alike.count > 1 ? ", \(threadsPerRank) each" : ""
            let numbers = nodes.map { host.isAssumed ? $0 : machine.memoryNodeNumbers[$0] }
            let place = "memory node\(nodes.count == 1 ? "" : "s") \(Self.sum(numbers))"
            lines.append(
                "  \(host.host.name): rank\(alike.count > 1 ? "s" : "") \(Self.range(first..<first + alike.count)) on "
                    + "\(cores)\(each) (\(place))")
            start += alike.count
        }
        return lines
    }
}
