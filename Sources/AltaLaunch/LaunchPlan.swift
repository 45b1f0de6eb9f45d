import AltaCore

/// To what each rank is bound.
public enum Binding: Equatable, Sendable {
    /// To a core of its own.
    case core
    /// To as many cores as it has threads.
    case cores(Int)
    /// To nothing: the kernel decides.
    case none
}

/// Where the ranks go: a pure function of the machine and the request.
public struct LaunchPlan: Equatable, Sendable {
    /// What was asked for.
    public var request: LaunchRequest
    /// The machine that the launcher runs on.
    public var machine: MachineDescription
    /// Ranks of the job.
    public var ranks: Int
    /// Threads of each rank.
    public var threadsPerRank: Int
    /// The hosts in the order in which they are filled, with their ranks; one at least.
    public var plannedHosts: [PlannedHost]
    /// The host file to hand on; nil: this machine, or one that is still to be written (`writtenHostFile`).
    public var hostFile: String?
    /// To what each rank is bound.
    public var binding: Binding
    /// Whether ranks are dealt to memory nodes by turns, so that none has cores of two; else cores are taken in order.
    public var mapsByMemoryNode: Bool
    /// Whether some host has more threads than cores; its ranks then yield while they wait.
    public var isOversubscribed: Bool

    /// The hosts, in the order of `plannedHosts`.
    public var hosts: [ClusterHost] { plannedHosts.map(\.host) }
    /// Cores of each host, in that order.
    public var coresOfHosts: [Int] { plannedHosts.map(\.coreCount) }
    /// Ranks on each host, in that order.
    public var ranksOfHosts: [Int] { plannedHosts.map(\.ranks.count) }
    /// Whether mpirun must be told that running as root is meant.
    public var isRoot: Bool { machine.isRoot }

    /// Cores that no thread of the job will use.
    public var idleCoreCount: Int { plannedHosts.reduce(0) { $0 + idleCores(of: $1) } }

    func idleCores(of host: PlannedHost) -> Int { max(0, host.coreCount - host.ranks.count * threadsPerRank) }

    /// Plans a job.
    ///
    /// By default a rank has one thread: two 1-thread processes that share weights lose nothing, while fork-join and busy
    /// neighbours cost more (Docs/design.md). Without a number of ranks, hosts of a scheduler or host file get as many as their
    /// cores take, none of them on cores of two memory nodes.
    /// - Throws: a usage error for counts below 1, more ranks than `ranksPerNode` allows, or no number of ranks on this machine
    ///   alone; a resumable one where too few hosts are left.
    public init(machine: MachineDescription, request: LaunchRequest) throws(AltaError) {
        try request.check()
        let named = request.hosts.isEmpty ? [ClusterHost(name: machine.hostName)] : request.hosts
        let threads = request.threadsPerRank ?? 1
        var hosts = named.map { PlannedHost($0, seenFrom: machine) }
        let ranks = try request.rankCount(hosts: hosts, threads: threads)
        let dealt = Self.deal(ranks, limits: request.limits(hosts: hosts, threads: threads, ranks: ranks))
        let isFull = zip(hosts, dealt).contains { $0.coreCount < $1 * threads }
        let mayBind = machine.canBind && request.mayBind && !isFull && !request.sharesMachine(machine, hosts)
        let byNode = mayBind ? Self.cores(hosts, dealt, threads, machine: machine, byMemoryNode: true) : nil
        let cores = byNode ?? (mayBind ? Self.cores(hosts, dealt, threads, machine: machine, byMemoryNode: false) : nil)
        var first = 0
        for index in hosts.indices {
            hosts[index].ranks = first..<first + dealt[index]
            hosts[index].coresOfRanks = cores?[index] ?? []
            first += dealt[index]
        }
        self.request = request
        self.machine = machine
        self.ranks = ranks
        threadsPerRank = threads
        plannedHosts = hosts
        hostFile = request.hostFile
        isOversubscribed = isFull
        mapsByMemoryNode = byNode != nil
        binding = cores == nil ? .none : threads == 1 ? .core : .cores(threads)
        if writtenHostFile != nil { hostFile = nil }
    }

    /// What a number of ranks or threads can be.
    public static let countRange = 1...(1 << 20)

    /// The cores of every rank on every host; nil where the way of mapping does not fit on some.
    private static func cores(
        _ hosts: [PlannedHost], _ ranks: [Int], _ threads: Int, machine: MachineDescription, byMemoryNode: Bool
    ) -> [[CoreList]]? {
        // On one node both ways are the same; the one that asks less of mpirun is taken.
        if byMemoryNode, machine.coresOfMemoryNodes.count == 1 || machine.hasMemoryNodeWithoutCores { return nil }
        var all: [[CoreList]] = []
        for (host, count) in zip(hosts, ranks) {
            let nodes = host.coresOfMemoryNodes
            let own =
                byMemoryNode
                ? PlannedHost.byMemoryNodes(nodes, ranks: count, threads: threads)
                : PlannedHost.inOrder(nodes, ranks: count, threads: threads)
            guard let own else { return nil }
            all.append(own)
        }
        return all
    }

    /// Fills hosts up to their limits in order; what is left over goes around once more, one by one, as mpirun does.
    static func deal(_ ranks: Int, limits: [Int]) -> [Int] {
        var left = ranks
        var dealt = limits.map { limit in
            let share = min(limit, left)
            left -= share
            return share
        }
        for index in dealt.indices { dealt[index] += left / dealt.count + (index < left % dealt.count ? 1 : 0) }
        return dealt
    }
}
