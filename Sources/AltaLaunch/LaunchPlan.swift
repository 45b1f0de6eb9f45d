import AltaCore

/// What the user asked for.
public struct LaunchRequest: Equatable, Sendable {
    /// Ranks of the job; nil: `ranksPerNode` on every host.
    public var ranks: Int?
    /// Ranks on each host; nil: hosts are filled one after the other.
    public var ranksPerNode: Int?
    /// Threads of each rank; nil: 1.
    public var threadsPerRank: Int?
    /// The host file, as given; nil: this machine.
    public var hostFile: String?
    /// What the host file holds; empty: this machine.
    public var hosts: [ClusterHost] = []
    /// Whether ranks may be bound to cores where that fits.
    public var mayBind = true

    /// A request for one rank on this machine.
    public init(ranks: Int? = nil, ranksPerNode: Int? = nil, threadsPerRank: Int? = nil) {
        self.ranks = ranks
        self.ranksPerNode = ranksPerNode
        self.threadsPerRank = threadsPerRank
    }
}

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
    /// Ranks of the job.
    public var ranks: Int
    /// Threads of each rank.
    public var threadsPerRank: Int
    /// Hosts in the order in which they are filled; one at least.
    public var hosts: [ClusterHost]
    /// Cores of each host, in that order.
    public var coresOfHosts: [Int]
    /// Ranks on each host, in that order.
    public var ranksOfHosts: [Int]
    /// The host file to hand on; nil: this machine.
    public var hostFile: String?
    /// The limit of ranks on a host that mpirun is to keep; nil: its slots.
    public var ranksPerNode: Int?
    /// To what each rank is bound.
    public var binding: Binding
    /// Whether some host has more threads than cores; its ranks then yield while they wait.
    public var isOversubscribed: Bool
    /// Whether mpirun must be told that running as root is meant.
    public var isRoot: Bool

    /// Cores that no thread of the job will use.
    public var idleCoreCount: Int {
        zip(coresOfHosts, ranksOfHosts).reduce(0) { $0 + max(0, $1.0 - $1.1 * threadsPerRank) }
    }

    /// Plans a job.
    ///
    /// By default a rank has one thread: two 1-thread processes that share weights lose nothing, while fork-join and busy
    /// neighbours cost more (Docs/design.md).
    /// - Throws: a usage error for counts below 1, or more ranks than `ranksPerNode` allows.
    public init(machine: MachineDescription, request: LaunchRequest) throws(AltaError) {
        try Self.check(request)
        let hosts = request.hosts.isEmpty ? [ClusterHost(name: machine.hostName)] : request.hosts
        let cores = hosts.map { $0.coreCount(seenFrom: machine) }
        let threads = request.threadsPerRank ?? 1
        let ranks = request.ranks ?? (request.ranksPerNode ?? 1) * hosts.count
        if let perNode = request.ranksPerNode, ranks > perNode * hosts.count {
            throw AltaError(
                "\(ranks) ranks do not fit", why: "\(hosts.count) host(s) with --nproc-per-node \(perNode)",
                remedy: "leave out -n, or raise --nproc-per-node", exitCode: .usage)
        }
        // Filling by slots would put as many many-threaded ranks on the first host as it has cores.
        let spread = threads > 1 && hosts.count > 1 ? max(1, (cores.min() ?? 1) / threads) : nil
        let perNode = request.ranksPerNode ?? spread.flatMap { $0 * hosts.count >= ranks ? $0 : nil }
        let limits = perNode.map { limit in hosts.map { _ in limit } } ?? zip(hosts, cores).map { $0.slots ?? $1 }
        let dealt = Self.deal(ranks, limits: limits)
        let isFull = zip(cores, dealt).contains { $0 < $1 * threads }
        self.ranks = ranks
        self.threadsPerRank = threads
        self.hosts = hosts
        coresOfHosts = cores
        ranksOfHosts = dealt
        hostFile = request.hostFile
        ranksPerNode = perNode
        isOversubscribed = isFull
        binding = isFull || !machine.canBind || !request.mayBind ? .none : threads == 1 ? .core : .cores(threads)
        isRoot = machine.isRoot
    }

    /// What a number of ranks or threads can be.
    public static let countRange = 1...(1 << 20)

    private static func check(_ request: LaunchRequest) throws(AltaError) {
        for count in [request.ranks, request.ranksPerNode, request.threadsPerRank] {
            if let count, !countRange.contains(count) {
                throw AltaError(
                    "\(count) ranks or threads are out of range",
                    remedy: "give a number from \(countRange.lowerBound) to \(countRange.upperBound)", exitCode: .usage)
            }
        }
        if request.ranks == nil && request.ranksPerNode == nil {
            throw AltaError("the number of ranks is missing", remedy: "give -n N", exitCode: .usage)
        }
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
