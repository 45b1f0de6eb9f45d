import AltaCore

/// What one machine offers a rank: cores, memory nodes, memory, and how much of them this process may use.
///
/// A pure value, so that placement can be planned for machines that are not at hand.
public struct MachineTopology: Sendable, Equatable, Codable {
    /// Memory, and the cores that are near it (a NUMA node).
    public struct MemoryNode: Sendable, Equatable, Codable {
        /// The number that Linux gives it.
        public var number: Int
        /// Its cores, usable or not.
        public var cores: CoreList
        /// Its memory in bytes.
        public var memoryBytes: Int
        /// What of it nothing used, in bytes.
        public var freeMemoryBytes: Int

        /// Stores the facts of a node.
        public init(number: Int, cores: CoreList, memoryBytes: Int, freeMemoryBytes: Int) {
            self.number = number
            self.cores = cores
            self.memoryBytes = memoryBytes
            self.freeMemoryBytes = freeMemoryBytes
        }
    }

    /// The machine's name.
    public var hostName: String
    /// The cores that run, usable or not.
    public var allCores: CoreList
    /// The cores that this process may run on: what mpirun, taskset and the control group leave.
    public var usableCores: CoreList
    /// The usable cores by physical core: those in one list share its arithmetic units.
    public var physicalCores: [CoreList]
    /// The machine's memory nodes; one where libnuma knows none.
    public var memoryNodes: [MemoryNode]
    /// The machine's memory in bytes.
    public var memoryBytes: Int
    /// What the kernel estimates can be had without swapping, in bytes, before any control group's limit.
    public var availableMemoryBytes: Int
    /// The limits of the control group.
    public var controlGroup: ControlGroup
    /// A core's level 2 cache in bytes; nil where unknown.
    public var level2CacheBytes: Int?

    /// Stores the facts of a machine.
    public init(
        hostName: String, allCores: CoreList, usableCores: CoreList, physicalCores: [CoreList],
        memoryNodes: [MemoryNode], memoryBytes: Int, availableMemoryBytes: Int, controlGroup: ControlGroup,
        level2CacheBytes: Int?
    ) {
        self.hostName = hostName
        self.allCores = allCores
        self.usableCores = usableCores
        self.physicalCores = physicalCores
        self.memoryNodes = memoryNodes
        self.memoryBytes = memoryBytes
        self.availableMemoryBytes = availableMemoryBytes
        self.controlGroup = controlGroup
        self.level2CacheBytes = level2CacheBytes
    }

    /// The memory in bytes that this process and its neighbours in the control group may count on together.
    public var usableMemoryBytes: Int {
        min(availableMemoryBytes, controlGroup.memoryLimitBytes ?? .max)
    }

    /// Groups cores that name each other as siblings, in the order of their first core.
    ///
    /// - Parameters:
    ///   - usable: the cores to group; others are left out.
    ///   - siblings: the cores of a core's physical core, itself among them; nil where unknown.
    public static func physicalCores(usable: CoreList, siblings: (Int) -> CoreList?) -> [CoreList] {
        var seen: Set<Int> = []
        let usableCores = Set(usable.cores)
        return usable.cores.compactMap { core in
            guard !seen.contains(core) else { return nil }
            let group = CoreList((siblings(core)?.cores ?? []).filter { usableCores.contains($0) } + [core])
            seen.formUnion(group.cores)
            return group
        }
    }
}
