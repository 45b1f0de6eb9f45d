import AltaComm
import AltaCore
import Foundation

/// Where one rank really runs, as its kernel tells.
public struct RankPlacement: Sendable, Equatable, Codable {
    /// The name of its host.
    public var host: String
    /// The cores that it may run on, each by the number of its first hardware thread that it may use.
    public var cores: CoreList
    /// The numbers of the memory nodes (NUMA nodes) that they lie on.
    public var memoryNodes: [Int]
    /// Its threads.
    public var threads: Int

    /// Stores the facts of a rank.
    public init(host: String, cores: CoreList, memoryNodes: [Int], threads: Int) {
        self.host = host
        self.cores = cores
        self.memoryNodes = memoryNodes
        self.threads = threads
    }

    /// This rank's, from what its thread may use now.
    ///
    /// - Parameters:
    ///   - host: the name of its host.
    ///   - threads: how many threads it computes with.
    public init(host: String, threads: Int, topology: MachineTopology) {
        self.init(
            host: host, cores: CoreList(topology.physicalCores.compactMap(\.cores.first)),
            memoryNodes: topology.nearMemoryNodes, threads: threads)
    }
}

/// Where the ranks of a job really run.
public struct JobPlacement: Sendable, Equatable {
    /// Each rank's: `[R]`.
    public let ranks: [RankPlacement]

    /// Stores each rank's placement.
    public init(ranks: [RankPlacement]) {
        self.ranks = ranks
    }

    /// Collective. Every rank's placement, on every rank.
    public static func gather(_ own: RankPlacement, collectives: any Collectives) throws -> JobPlacement {
        let texts = try collectives.allGather(String(decoding: try JSONEncoder().encode(own), as: UTF8.self))
        return JobPlacement(
            ranks: try texts.map { try JSONDecoder().decode(RankPlacement.self, from: Data($0.utf8)) })
    }

    /// The hosts with their ranks, in the order of their first ranks.
    var hosts: [(host: String, ranks: [Int])] { RankList.byHost(ranks.indices, hosts: ranks.map(\.host)) }

    /// What keeps ranks from cores of their own, a line each: cores with more threads than there are of them.
    public var warnings: [String] {
        hosts.flatMap { host in
            // Of ranks that share a set of cores, and those on a part of it, the threads add up.
            let sets = host.ranks.map { Set(ranks[$0].cores.cores) }
            var told: Set<Set<Int>> = []
            return sets.compactMap { set -> String? in
                guard told.insert(set).inserted else { return nil }
                let users = zip(host.ranks, sets).filter { $0.1.isSubset(of: set) }.map(\.0)
                let threads = users.reduce(0) { $0 + ranks[$1].threads }
                guard threads > set.count else { return nil }
                return warning(users, host: host.host, cores: CoreList(set), threads: threads)
            }
        }
    }

    private func warning(_ users: [Int], host: String, cores: CoreList, threads: Int) -> String {
        guard users.count > 1 else {
            return
                "warning: rank \(users.first ?? 0) on \(host) has \(threads) threads for \(cores): give it fewer threads, "
                + "or bind it to more cores (alta-launch run --threads-per-rank)"
        }
        return
            "warning: ranks \(CoreList(users).text) on \(host) share \(cores), \(threads) threads in all: they hold each "
            + "other up; use fewer ranks, and --no-binding where another job has the machine too"
    }
}
