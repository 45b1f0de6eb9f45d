import AltaComm
import AltaCore
import CAltaSystem
import CNUMA

extension MachineTopology {
    /// The machine that this process runs on, as this thread may use it now.
    ///
    /// - Throws: `AltaError` where the kernel's files under /proc cannot be read or understood.
    public static func current() throws -> MachineTopology {
        let memory = ProcFields(text: try SystemFile.text("/proc/meminfo"), file: "/proc/meminfo")
        let memoryBytes = try memory.bytes("MemTotal")
        let usable = try ProcessAffinity.current()
        let online = try SystemFile.textIfPresent("/sys/devices/system/cpu/online").map { try CoreList(text: $0) }
        let allCores = online ?? usable
        let wholeMachine = MemoryNode(
            number: 0, cores: allCores, memoryBytes: memoryBytes, freeMemoryBytes: try memory.bytes("MemFree"))
        let cacheBytes = Int(alta_level_2_cache_bytes())
        return MachineTopology(
            hostName: try HostName.current(), allCores: allCores, usableCores: usable,
            physicalCores: physicalCores(usable: usable, siblings: siblings),
            memoryNodes: memoryNodes(of: allCores) ?? [wholeMachine],
            memoryBytes: memoryBytes, availableMemoryBytes: try memory.bytes("MemAvailable"),
            controlGroup: ControlGroup.current(), level2CacheBytes: cacheBytes > 0 ? cacheBytes : nil)
    }

    private static func siblings(of core: Int) -> CoreList? {
        let file = "/sys/devices/system/cpu/cpu\(core)/topology/thread_siblings_list"
        return SystemFile.textIfPresent(file).flatMap { try? CoreList(text: $0) }
    }

    /// The nodes that libnuma sees; nil where the kernel or the container lets it see none.
    private static func memoryNodes(of cores: CoreList) -> [MemoryNode]? {
        guard numa_available() >= 0 else { return nil }
        let coresByNode = Dictionary(grouping: cores.cores) { Int(numa_node_of_cpu(Int32($0))) }
        let nodes = (0...max(numa_max_node(), 0)).filter { alta_numa_node_exists($0) != 0 }.map { number in
            var freeBytes: Int64 = 0
            let bytes = numa_node_size64(number, &freeBytes)
            return MemoryNode(
                number: Int(number), cores: CoreList(coresByNode[Int(number)] ?? []), memoryBytes: max(0, Int(bytes)),
                freeMemoryBytes: max(0, Int(freeBytes)))
        }
        return nodes.isEmpty ? nil : nodes
    }
}
