import AltaComm
import AltaCore
import AltaPlacement
import AltaTensor

/// What everything a rank does has in common.
public struct RankContext {
    /// The job.
    public let collectives: any Collectives
    /// The host of each rank, `[R]`.
    public let hostNames: [String]
    /// This rank's matrix engine.
    public let engine: Engine
    /// What this rank is doing, and for how long.
    public let clock: PhaseClock

    /// The memory that this rank may count on: the machine's, over the ranks on it.
    public let availableBytes: Int
    /// What counts as a node where gradients are added up.
    public let nodes: NodeSplit

    /// The ranks that it shares frozen weights with.
    public let neighbours: MemoryNeighbours

    /// Stores the parts.
    public init(
        collectives: any Collectives, hostNames: [String], engine: Engine, clock: PhaseClock, availableBytes: Int,
        nodes: NodeSplit = .byMemory, neighbours: MemoryNeighbours
    ) {
        self.collectives = collectives
        self.hostNames = hostNames
        self.availableBytes = availableBytes
        self.engine = engine
        self.nodes = nodes
        self.clock = clock
        self.neighbours = neighbours
    }

    /// A context whose engine has as many threads as the environment says: `ALTA_THREADS`, else one (ranks scale
    /// better than threads; Docs/design.md), multiplies by its kernels (`ALTA_KERNELS`), and whose frozen weights are
    /// shared as it says (`ALTA_FROZEN`). Collective.
    public static func make(
        collectives: any Collectives, clock: PhaseClock, environment: [String: String]
    ) throws -> RankContext {
        let hosts = try collectives.allGather(collectives.hostName)
        let ranksOnHost = hosts.count { $0 == collectives.hostName }
        let (engine, topology, split, sharing) = try agree(collectives) {
            (
                try Engine(threads: threads(environment), kernels: ProductKernels(environment: environment)),
                try MachineTopology.current(), try nodes(environment), try FrozenSharing(environment: environment)
            )
        }
        // Ranks that cut the job into nodes differently would wait for one another for ever.
        try checkSame("nodes", "ALTA_RANKS_PER_NODE", "\(split)", collectives)
        // Ranks that share packed weights must read them alike.
        try checkSame("kernels", ProductKernels.variable, engine.kernels.rawValue, collectives)
        return RankContext(
            collectives: collectives, hostNames: hosts, engine: engine, clock: clock,
            availableBytes: topology.usableMemoryBytes / max(ranksOnHost, 1), nodes: split,
            neighbours: try MemoryNeighbours.find(sharing, topology: topology, collectives: collectives))
    }

    /// The same rank with an engine of `threads` threads.
    public func with(threads: Int) throws -> RankContext {
        with(engine: try engine.other(threads: threads, format: engine.format))
    }

    /// The same rank with another engine.
    func with(engine: Engine) -> RankContext {
        RankContext(
            collectives: collectives, hostNames: hostNames, engine: engine, clock: clock,
            availableBytes: availableBytes, nodes: nodes, neighbours: neighbours)
    }

    /// The same rank over other collectives, as those that count bytes.
    func with(collectives: any Collectives) -> RankContext {
        RankContext(
            collectives: collectives, hostNames: hostNames, engine: engine, clock: clock,
            availableBytes: availableBytes, nodes: nodes, neighbours: neighbours)
    }

    /// Refuses a job whose ranks take different settings from their environments. Collective.
    private static func checkSame(
        _ what: String, _ variable: String, _ value: String, _ collectives: any Collectives
    ) throws {
        let values = try collectives.allGather(value)
        try agree(collectives) {
            guard let rank = values.firstIndex(where: { $0 != values[0] }) else { return }
            throw AltaError(
                "ranks have different \(what)", why: "\(variable) on rank \(rank) is not that of rank 0",
                remedy: "set it alike on every rank, or leave it out", rank: rank)
        }
    }

    /// `ALTA_RANKS_PER_NODE` cuts one machine into nodes of so many ranks, as a test of several; 1: no shared memory.
    private static func nodes(_ environment: [String: String]) throws -> NodeSplit {
        guard let text = environment["ALTA_RANKS_PER_NODE"] else { return .byMemory }
        guard let ranks = Int(text), ranks > 0 else {
            throw AltaError(
                "ALTA_RANKS_PER_NODE is \(text)", why: "it must be a number of 1 or more",
                remedy: "leave it out: ranks that share memory are a node")
        }
        return .every(ranks)
    }

    private static func threads(_ environment: [String: String]) throws -> Int {
        let text = environment["ALTA_THREADS"] ?? "1"
        guard let threads = Int(text), (1...1024).contains(threads) else {
            throw AltaError(
                "ALTA_THREADS is \(text)", why: "it must be a number from 1 to 1024",
                remedy: "leave it out for one thread a rank")
        }
        return threads
    }

    /// Whether this is the rank that speaks and writes for all.
    public var isFirst: Bool { collectives.rank == 0 }

    /// A failure that every rank finds by itself, as a wrong argument: rank 0 reports it.
    public func together(_ error: AltaError) -> AgreedFailure { AgreedFailure(error: error, reportingRank: 0) }

    /// Runs `body` on every rank; where it fails on any, every rank throws what the lowest failing one threw.
    ///
    /// Collective, though `body` must not be. Start-up uses it, so that a missing file is told once and nobody hangs.
    public func agree<T>(_ body: () throws -> T) throws -> T { try RankContext.agree(collectives, body) }

    private static func agree<T>(_ collectives: any Collectives, _ body: () throws -> T) throws -> T {
        var failure: AltaError?
        var value: T?
        do { value = try body() } catch { failure = AgreedFailure.describe(error).at(rank: collectives.rank) }
        let texts = try collectives.allGather(failure.map(AgreedFailure.encode) ?? "")
        if let rank = texts.firstIndex(where: { !$0.isEmpty }) {
            throw AgreedFailure(error: try AgreedFailure.decode(texts[rank]), reportingRank: rank)
        }
        guard let value else { preconditionFailure("no failure and no value on rank \(collectives.rank)") }
        return value
    }
}
