import AltaCore

/// What the launcher must know of a machine to place ranks on it.
public struct MachineDescription: Equatable, Sendable {
    /// The name of the host.
    public var hostName: String
    /// Cores (not hardware threads) that processes started here may use: affinity, cpuset and CPU quota counted.
    public var coreCount: Int
    /// The usable cores by memory node (NUMA node), in mpirun's order: nodes by their first core. A core is called by the
    /// number of its first usable hardware thread. Nodes without usable cores are left out; one node at least.
    public var coresOfMemoryNodes: [CoreList]
    /// The number that Linux gives each of those nodes.
    public var memoryNodeNumbers: [Int]
    /// Hardware threads of the usable cores.
    public var hardwareThreadCount: Int
    /// Whether some memory node has no usable core. mpirun, which counts it among the nodes, cannot map by nodes then.
    public var hasMemoryNodeWithoutCores = false
    /// Whether the machine has more cores than may be used.
    public var isFenced = false
    /// Memory in bytes that the ranks here may use together, the control group's limit counted; nil: unknown.
    public var memoryBytes: Int?
    /// What keeps ranks from the rest of the machine, a clause each, as `a CPU quota of 2.5 cores`.
    public var limits: [String] = []
    /// Whether ranks can be bound to cores. Not where this process was narrowed by `taskset` (mpirun would bind to the
    /// first cores of the machine instead) or by a CPU quota (all containers of a host would bind to the same cores).
    public var canBind: Bool
    /// Whether the launcher runs as root, which mpirun refuses unless told otherwise.
    public var isRoot: Bool

    /// A machine of one memory node whose cores have one hardware thread each.
    public init(hostName: String, coreCount: Int, canBind: Bool = true, isRoot: Bool = false) {
        self.init(
            hostName: hostName, coreCount: coreCount, coresOfMemoryNodes: [CoreList(0..<coreCount)], canBind: canBind,
            isRoot: isRoot)
    }

    /// Stores the facts of a machine.
    ///
    /// - Parameter hardwareThreadCount: nil: one a core.
    public init(
        hostName: String, coreCount: Int, coresOfMemoryNodes: [CoreList], hardwareThreadCount: Int? = nil,
        canBind: Bool = true, isRoot: Bool = false
    ) {
        precondition(coreCount >= 1, "a machine has at least one core, got \(coreCount)")
        precondition(!coresOfMemoryNodes.isEmpty, "a machine has at least one memory node")
        self.hostName = hostName
        self.coreCount = coreCount
        self.coresOfMemoryNodes = coresOfMemoryNodes
        memoryNodeNumbers = Array(coresOfMemoryNodes.indices)
        self.hardwareThreadCount = hardwareThreadCount ?? coresOfMemoryNodes.reduce(0) { $0 + $1.cores.count }
        self.canBind = canBind
        self.isRoot = isRoot
    }

    /// Whether a host file or a scheduler means this machine by a name, with or without its domain.
    func isCalled(_ name: String) -> Bool {
        ["localhost", "127.0.0.1"].contains(name) || Self.isSameHost(name, hostName)
    }

    /// Whether two names are one host's: the same, or one the first label of the other.
    static func isSameHost(_ one: String, _ other: String) -> Bool {
        if one == other { return true }
        let labels = [one, other].map { $0.split(separator: ".").first }
        return labels[0] == labels[1] && one.contains(".") != other.contains(".")
    }
}
