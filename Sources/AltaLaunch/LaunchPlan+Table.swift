extension LaunchPlan {
    /// The plan as a table, a row a host, and what follows from it.
    public var table: String {
        let header = ["host", "cores", "ranks", "threads each", "idle cores"]
        var first = 0
        let rows = hosts.indices.map { index in
            let count = ranksOfHosts[index]
            let range = count == 0 ? "none" : count == 1 ? "\(first)" : "\(first)-\(first + count - 1)"
            first += count
            let idle = max(0, coresOfHosts[index] - count * threadsPerRank)
            return [hosts[index].name, "\(coresOfHosts[index])", range, "\(threadsPerRank)", "\(idle)"]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        let lines = ([header] + rows).map { row in
            zip(row.dropLast(), widths).map { $0.padded(to: $1) }.joined(separator: "  ") + "  " + (row.last ?? "")
        }
        return (lines + ["binding: \(bindingText)"] + notes).joined(separator: "\n")
    }

    /// The plan in one line.
    public var summary: String {
        let place = hosts.count == 1 ? hosts[0].name : "\(hosts.count) hosts"
        return "\(ranks) rank\(ranks == 1 ? "" : "s") x \(threadsPerRank) thread\(threadsPerRank == 1 ? "" : "s") on "
            + "\(place) (\(coresOfHosts.reduce(0, +)) cores, \(idleCoreCount) idle), \(bindingText)"
    }

    private var bindingText: String {
        switch binding {
        case .core: "each rank to a core of its own"
        case .cores(let count): "each rank to \(count) cores of its own"
        case .none: isOversubscribed ? "none: more threads than cores, waiting ranks yield" : "none"
        }
    }

    private var notes: [String] {
        guard idleCoreCount > 0 else { return [] }
        return ["\(idleCoreCount) core(s) stay idle: use more ranks (-n), or more --threads-per-rank"]
    }
}
