import AltaCore

/// A host of a plan, and what runs there.
public struct PlannedHost: Equatable, Sendable {
    /// What the host file or the scheduler says of it.
    public var host: ClusterHost
    /// Cores that the ranks on it share.
    public var coreCount: Int
    /// Its cores by memory node, in mpirun's order. More than `coreCount` where a quota or slots grant fewer.
    public var coresOfMemoryNodes: [CoreList]
    /// Whether its cores, or which of them are near which memory, are taken to be as on this machine.
    public var isAssumed: Bool
    /// The ranks on it.
    public var ranks = 0..<0
    /// The cores of each of its ranks, in the order of the ranks; empty: they are not bound.
    public var coresOfRanks: [CoreList] = []

    /// The ranks of `threads` threads that fit on cores of their own, none of them on cores of two memory nodes.
    func capacity(threads: Int) -> Int {
        min(coreCount / threads, coresOfMemoryNodes.reduce(0) { $0 + $1.cores.count / threads })
    }

    /// The cores of each rank where mpirun deals ranks to memory nodes by turns and numbers them by their cores
    /// (`--map-by numa:PE=T --rank-by core`); nil where some node has too few.
    static func byMemoryNodes(_ nodes: [CoreList], ranks: Int, threads: Int) -> [CoreList]? {
        var dealt: [CoreList] = []
        for (index, node) in nodes.enumerated() {
            let count = ranks / nodes.count + (index < ranks % nodes.count ? 1 : 0)
            guard count * threads <= node.cores.count else { return nil }
            dealt += (0..<count).map { CoreList(node.cores[$0 * threads..<($0 + 1) * threads]) }
        }
        return dealt
    }

    /// The cores of each rank where mpirun takes cores one after the other (`--map-by slot:PE=T`); nil where they run out.
    static func inOrder(_ nodes: [CoreList], ranks: Int, threads: Int) -> [CoreList]? {
        let cores = nodes.flatMap(\.cores)
        guard ranks * threads <= cores.count else { return nil }
        return (0..<ranks).map { CoreList(cores[$0 * threads..<($0 + 1) * threads]) }
    }

    /// The cores of each rank where every node takes as many ranks as it has room for, the emptiest first, and no rank lies on
    /// two; nil where they have too little. mpirun has no such way, it must be told the cores of each rank.
    static func nearMemory(_ nodes: [CoreList], ranks: Int, threads: Int) -> [CoreList]? {
        var room = nodes.map { $0.cores.count / threads }
        guard room.reduce(0, +) >= ranks else { return nil }
        var counts = nodes.map { _ in 0 }
        for _ in 0..<ranks {
            guard let index = room.indices.max(by: { room[$0] < room[$1] }) else { return nil }
            room[index] -= 1
            counts[index] += 1
        }
        return zip(nodes, counts).flatMap { node, count in
            (0..<count).map { CoreList(node.cores[$0 * threads..<($0 + 1) * threads]) }
        }
    }

    /// The indices of the memory nodes that some cores lie on.
    func memoryNodes(of cores: CoreList) -> [Int] {
        coresOfMemoryNodes.indices.filter { index in
            cores.cores.contains { core in coresOfMemoryNodes[index].cores.contains(core) }
        }
    }
}

extension PlannedHost {
    /// A host as seen from this machine, without ranks.
    ///
    /// - Parameter threadsOfCore: how many of the processors that a scheduler grants are one core.
    init(_ host: ClusterHost, seenFrom machine: MachineDescription, threadsOfCore: Int) {
        self.host = host
        let claimed = host.grantedCores.map { max(1, $0 / threadsOfCore) } ?? host.slots
        coreCount = claimed ?? machine.coreCount
        isAssumed = !machine.isCalled(host.name)
        if isAssumed {
            coresOfMemoryNodes = Self.assumed(cores: coreCount, like: machine)
        } else {
            coreCount = min(coreCount, machine.coreCount)
            coresOfMemoryNodes = machine.coresOfMemoryNodes
        }
    }

    /// How many of the processors that a scheduler grants are one core, which is the same on all its hosts.
    ///
    /// They are hardware threads, but where as many were granted on this machine as it has cores, and it is fenced to those or
    /// a task was asked for on each of them. Otherwise half a machine's threads cannot be told from all its cores; fewer ranks
    /// than could run are then better than two on a core.
    static func threadsOfCore(
        granted hosts: [ClusterHost], tasks: AllocatedTasks?, _ machine: MachineDescription
    ) -> Int {
        let cores = machine.coresOfMemoryNodes.reduce(0) { $0 + $1.cores.count }
        let own = hosts.first { machine.isCalled($0.name) }
        let asked = tasks?.count == nil ? nil : (own?.scheduledTasks ?? 1) * (tasks?.processorsEach ?? 1)
        if own?.grantedCores == cores, machine.isFenced || asked == cores { return 1 }
        return max(1, machine.hardwareThreadCount / cores)
    }

    private static func assumed(cores: Int, like machine: MachineDescription) -> [CoreList] {
        let known = machine.coresOfMemoryNodes
        if known.reduce(0, { $0 + $1.cores.count }) == cores { return known }
        let parts = cores % known.count == 0 ? known.count : 1
        return (0..<parts).map { part in CoreList(part * cores / parts..<(part + 1) * cores / parts) }
    }
}
