/// What the launcher must know of a machine to place ranks on it.
public struct MachineDescription: Equatable, Sendable {
    /// The name of the host.
    public var hostName: String
    /// Cores (not hardware threads) that processes started here may use: affinity, cpuset and CPU quota counted.
    public var coreCount: Int
    /// Whether ranks can be bound to cores. Not where this process was narrowed by `taskset` (mpirun would bind to the
    /// first cores of the machine instead) or by a CPU quota (all containers of a host would bind to the same cores).
    public var canBind: Bool
    /// Whether the launcher runs as root, which mpirun refuses unless told otherwise.
    public var isRoot: Bool

    /// Stores the facts of a machine.
    public init(hostName: String, coreCount: Int, canBind: Bool = true, isRoot: Bool = false) {
        precondition(coreCount >= 1, "a machine has at least one core, got \(coreCount)")
        self.hostName = hostName
        self.coreCount = coreCount
        self.canBind = canBind
        self.isRoot = isRoot
    }

    /// The machine that the kernel's text files describe; pure, so that recorded machines can be tested.
    ///
    /// - Parameters:
    ///   - allowedList: `Cpus_allowed_list` of `/proc/self/status`, such as `0-3,8`.
    ///   - cpusetList: the processors of the control group (or those online), in the same notation.
    ///   - siblings: for a processor, its `thread_siblings_list`; processors that share one share a core.
    ///   - quotaCores: the control group's CPU quota in cores; nil: unlimited.
    public init(
        hostName: String, isRoot: Bool, allowedList: String, cpusetList: String?, quotaCores: Double?,
        siblings: (Int) -> String?
    ) {
        let allowed = Self.processors(inList: allowedList)
        let cpuset = cpusetList.map(Self.processors(inList:)) ?? allowed
        let cores = Set(allowed.map { siblings($0) ?? String($0) }).count
        let quota = quotaCores.map { max(1, Int($0.rounded(.down))) } ?? Int.max
        self.init(
            hostName: hostName, coreCount: max(1, min(cores, quota)),
            canBind: quota >= cores && cpuset.isSubset(of: allowed), isRoot: isRoot)
    }

    /// The processors of a kernel list such as `0-3,8`; what is not a number or a range is skipped.
    static func processors(inList list: String) -> Set<Int> {
        var result: Set<Int> = []
        for part in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 20 else { continue }
            result.formUnion(first...last)
        }
        return result
    }
}
