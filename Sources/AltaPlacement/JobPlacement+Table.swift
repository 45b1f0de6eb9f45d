import AltaCore

extension JobPlacement {
    /// Where the ranks run, for people: a line for ranks of one host that are near one memory, and one line for hosts that
    /// are like the one before them.
    public var lines: [String] {
        var lines: [String] = []
        var alike: [(host: String, ranks: [Int])] = []
        var shown: (name: String, shape: [String])?
        for host in hosts {
            let groups = groups(of: host.ranks)
            let shape = groups.map(text)
            if let shown, shown.shape == shape, groups.map(\.count).reduce(0, +) == host.ranks.count {
                alike.append(host)
                continue
            }
            lines += Self.folded(alike, like: shown?.name)
            alike = []
            shown = (host.host, shape)
            lines += zip(groups, shape).map { "\(Self.label($0)) on \(host.host): \($1)" }
        }
        return lines + Self.folded(alike, like: shown?.name)
    }

    /// As members of the log: an object a rank.
    public var json: JSONValue {
        .array(
            ranks.enumerated().map { rank, placement in
                var object = JSONObject()
                object["rank"] = .integer(rank)
                object["host"] = .string(placement.host)
                object["cores"] = .string(placement.cores.text)
                object["memory_nodes"] = .array(placement.memoryNodes.map { .integer($0) })
                object["threads"] = .integer(placement.threads)
                return .object(object)
            })
    }

    private static func label(_ ranks: [Int]) -> String {
        "rank\(ranks.count == 1 ? "" : "s") \(CoreList(ranks).text)"
    }

    private static func folded(_ hosts: [(host: String, ranks: [Int])], like name: String?) -> [String] {
        guard let first = hosts.first, let last = hosts.last, let name else { return [] }
        let names = hosts.count == 1 ? first.host : "\(first.host) to \(last.host) (\(hosts.count) hosts)"
        return ["\(label(hosts.flatMap(\.ranks))) on \(names): as on \(name)"]
    }

    /// Neighbouring ranks of a host whose lines would say the same: the same cores, or as many cores of their own near the
    /// same memory.
    private func groups(of ranksOfHost: [Int]) -> [[Int]] {
        var groups: [[Int]] = []
        for rank in ranksOfHost {
            let placement = ranks[rank]
            guard let group = groups.last, let first = group.first, ranks[first].memoryNodes == placement.memoryNodes,
                ranks[first].cores.cores.count == placement.cores.cores.count, isOneKind(group, with: placement.cores)
            else {
                groups.append([rank])
                continue
            }
            groups[groups.count - 1].append(rank)
        }
        return groups
    }

    /// Whether cores are those that the group shares, or, where its ranks have cores of their own, none of theirs.
    private func isOneKind(_ group: [Int], with cores: CoreList) -> Bool {
        let first = ranks[group[0]].cores
        let isShared = group.count > 1 ? ranks[group[1]].cores == first : first == cores
        guard !isShared else { return cores == first }
        return group.allSatisfy { Set(ranks[$0].cores.cores).isDisjoint(with: cores.cores) }
    }

    private func text(_ group: [Int]) -> String {
        let first = ranks[group[0]]
        let all = CoreList(group.flatMap { ranks[$0].cores.cores })
        let each = first.cores.cores.count
        let isShared = group.count > 1 && ranks[group[1]].cores == first.cores
        let share = group.count == 1 ? "" : isShared ? "all on " : each == 1 ? "one each of " : "\(each) each of "
        let nodes = CoreList(first.memoryNodes)
        let memory = nodes.cores.count == 1 ? "memory node \(nodes.text)" : "memory nodes \(nodes.text)"
        return "\(share)\(all)" + (nodes.cores.isEmpty ? "" : " (\(memory))")
    }
}
