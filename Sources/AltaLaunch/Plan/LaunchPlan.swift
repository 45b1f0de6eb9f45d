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

/// How mpirun is told which cores the ranks get.
public enum Mapping: Equatable, Sendable {
    /// Cores are taken one after the other.
    case inOrder
    /// Memory nodes take ranks by turns, and none has cores of two.
    case byMemoryNode
    /// A file tells it the cores of each rank: memory nodes are too unlike for turns.
    case listed
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
    /// How mpirun is told which cores the ranks get, where they are bound.
    public var mapping: Mapping
    /// The file of each rank's cores to hand on; nil: there is none, or it is still to be written (`writtenRankFile`).
    public var rankFile: String?
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
    /// neighbours cost more (Docs/design.md). Without a number of ranks they are the tasks that a scheduler's user asked for; else
    /// hosts of a scheduler or host file get as many as their cores take, none of them on cores of two memory nodes.
    /// - Throws: a usage error for counts below 1, more ranks than `ranksPerNode` allows, or no number of ranks on this machine
    ///   alone; a resumable one where too few hosts are left.
    public init(machine: MachineDescription, request: LaunchRequest) throws(AltaError) {
        try request.check()
        let named =
            request.hosts.isEmpty
            ? [ClusterHost(name: machine.hostName)] : ClusterHost.merged(request.hosts, on: machine)
        let threadsOfCore = PlannedHost.threadsOfCore(granted: named, tasks: request.tasks, machine)
        var hosts = named.map { PlannedHost($0, seenFrom: machine, threadsOfCore: threadsOfCore) }
        let request = request.takingTasks(on: hosts, threadsOfCore: threadsOfCore)
        let threads = request.threadsPerRank ?? 1
        let ranks = try request.rankCount(hosts: hosts, threads: threads)
        let dealt = Self.deal(ranks, limits: request.limits(hosts: hosts, threads: threads, ranks: ranks))
        let isFull = zip(hosts, dealt).contains { $0.coreCount < $1 * threads }
        let runsHere = zip(hosts, dealt).contains { machine.isCalled($0.host.name) && $1 > 0 }
        // A login node's own limits are not those of the hosts that a scheduler granted; containers of one job are alike.
        let canBind = machine.canBind || (request.scheduler != nil && !runsHere)
        let mayBind = canBind && request.mayBind && !isFull && !request.sharesMachine(machine, hosts)
        let chosen = mayBind ? Self.cores(hosts, dealt, threads, machine: machine) : nil
        var first = 0
        for index in hosts.indices {
            hosts[index].ranks = first..<first + dealt[index]
            hosts[index].coresOfRanks = chosen?.cores[index] ?? []
            first += dealt[index]
        }
        self.request = request
        self.machine = machine
        self.ranks = ranks
        threadsPerRank = threads
        plannedHosts = hosts
        hostFile = request.hostFile
        isOversubscribed = isFull
        mapping = chosen?.mapping ?? .inOrder
        binding = chosen == nil ? .none : threads == 1 ? .core : .cores(threads)
        if writtenHostFile != nil { hostFile = nil }
    }

    /// What a number of ranks or threads can be.
    public static let countRange = 1...(1 << 20)

    /// The cores of every rank on every host, and the way to tell mpirun; nil where they run out.
    private static func cores(
        _ hosts: [PlannedHost], _ ranks: [Int], _ threads: Int, machine: MachineDescription
    ) -> (mapping: Mapping, cores: [[CoreList]])? {
        func all(_ deal: ([CoreList], Int, Int) -> [CoreList]?) -> [[CoreList]]? {
            let dealt = zip(hosts, ranks).compactMap { deal($0.coresOfMemoryNodes, $1, threads) }
            return dealt.count == hosts.count ? dealt : nil
        }
        // On one node all ways are the same; the one that asks least of mpirun is taken.
        let hasNodes = machine.coresOfMemoryNodes.count > 1
        if hasNodes, !machine.hasMemoryNodeWithoutCores, let cores = all(PlannedHost.byMemoryNodes) {
            return (.byMemoryNode, cores)
        }
        let inOrder = all(PlannedHost.inOrder)
        // Only this machine is known well enough to list cores.
        let isAlone = hosts.count == 1 && !hosts[0].isAssumed
        if isAlone, inOrder?[0].contains(where: { hosts[0].memoryNodes(of: $0).count > 1 }) ?? false,
            let cores = all(PlannedHost.nearMemory)
        {
            return (.listed, cores)
        }
        return inOrder.map { (.inOrder, $0) }
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
