import AltaCore
import Foundation

extension MachineDescription {
    /// This machine, as the kernel's files under `/proc` and `/sys` tell it.
    public static func current() -> MachineDescription {
        MachineDescription(isRoot: geteuid() == 0, read: SystemFile.textIfPresent)
    }

    /// The machine that the kernel's text files describe; pure, so that recorded machines can be tested.
    ///
    /// - Parameter read: the text of a file under `/proc` or `/sys`; nil where there is none.
    public init(isRoot: Bool, read: (String) -> String?) {
        let allowed = Self.allowedProcessors(read)
        let online = Self.list("/sys/devices/system/cpu/online", read) ?? allowed
        let cpuset = ControlGroup.currentCores(read: read) ?? online
        let group = ControlGroup.current(read: read)
        let cores = Self.firstThreads(allowed, read)
        let nodes = Self.memoryNodes(of: cores, read)
        let coresOnline = Self.firstThreads(online, read).count
        let quota = group.coreQuota.map { max(1, Int($0.rounded(.down))) } ?? Int.max
        self.init(
            hostName: Self.line("/proc/sys/kernel/hostname", read) ?? "localhost",
            coreCount: min(cores.count, quota), coresOfMemoryNodes: nodes.withCores.map(\.cores),
            hardwareThreadCount: allowed.cores.count,
            canBind: quota >= cores.count && Set(cpuset.cores).isSubset(of: allowed.cores), isRoot: isRoot)
        memoryNodeNumbers = nodes.withCores.map(\.number)
        hasMemoryNodeWithoutCores = nodes.hasOthers
        isFenced = cores.count < coresOnline
        memoryBytes = Self.memoryBytes(group, read)
        limits = Self.limits(
            coresOnline: coresOnline, allowed: allowed, cores: cores, cpuset: cpuset, group)
    }

    private static func line(_ path: String, _ read: (String) -> String?) -> String? {
        read(path)?.split(whereSeparator: \.isNewline).first?.trimmingCharacters(in: .whitespaces)
    }

    private static func list(_ path: String, _ read: (String) -> String?) -> CoreList? {
        guard let list = read(path).flatMap({ try? CoreList(text: $0) }), !list.cores.isEmpty else { return nil }
        return list
    }

    private static func allowedProcessors(_ read: (String) -> String?) -> CoreList {
        let path = "/proc/self/status"
        let text = try? ProcFields(text: read(path) ?? "", file: path).text("Cpus_allowed_list")
        guard let list = text.flatMap({ try? CoreList(text: $0) }), !list.cores.isEmpty else { return CoreList([0]) }
        return list
    }

    /// The first usable hardware thread of each core.
    private static func firstThreads(_ usable: CoreList, _ read: (String) -> String?) -> [Int] {
        let known = Set(usable.cores)
        return usable.cores.filter { processor in
            let file = "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
            let first = list(file, read)?.cores.first { known.contains($0) }
            return (first ?? processor) == processor
        }
    }

    private static func memoryNodes(
        of cores: [Int], _ read: (String) -> String?
    ) -> (withCores: [(number: Int, cores: CoreList)], hasOthers: Bool) {
        let root = "/sys/devices/system/node"
        let numbers = list("\(root)/online", read)?.cores ?? []
        var left = Set(cores)
        let nodes = numbers.map { number in
            let own = CoreList(left.intersection(list("\(root)/node\(number)/cpulist", read)?.cores ?? []))
            left.subtract(own.cores)
            return (number: number, cores: own)
        }
        let named = nodes.filter { !$0.cores.cores.isEmpty }.sorted { $0.cores.cores[0] < $1.cores.cores[0] }
        // A container may hide the nodes; what no node claims is taken for one.
        let rest = left.isEmpty ? [] : [(number: (numbers.last ?? -1) + 1, cores: CoreList(left))]
        return (named + rest, named.count < nodes.count || (!rest.isEmpty && !named.isEmpty))
    }

    private static func memoryBytes(_ group: ControlGroup, _ read: (String) -> String?) -> Int? {
        let path = "/proc/meminfo"
        let total = try? ProcFields(text: read(path) ?? "", file: path).bytes("MemTotal")
        return [total, group.memoryLimitBytes].compactMap { $0 }.min()
    }

    private static func limits(
        coresOnline: Int, allowed: CoreList, cores: [Int], cpuset: CoreList, _ group: ControlGroup
    ) -> [String] {
        var limits: [String] = []
        if cores.count < coresOnline {
            limits.append("\(cores.count) of \(coresOnline) cores may be used (\(allowed.text))")
        }
        if allowed.cores.count > cores.count {
            limits.append("\(allowed.cores.count) hardware threads are \(cores.count) cores")
        }
        if !Set(cpuset.cores).isSubset(of: allowed.cores) {
            limits.append("this process was narrowed to \(allowed), which mpirun ignores: ranks are left unbound")
        }
        if let quota = group.coreQuota, Int(quota) < cores.count {
            limits.append("a CPU quota of \((quota * 100).rounded() / 100) cores: ranks are left unbound")
        }
        if let bytes = group.memoryLimitBytes { limits.append("a memory limit of \(ByteCount.text(bytes))") }
        return limits
    }
}

/// Sizes for people.
enum ByteCount {
    /// A number of bytes, as `1.5 GiB` or `300 MiB`.
    static func text(_ bytes: Int) -> String {
        let tenths = (Double(bytes) / Double(1 << 30) * 10).rounded() / 10
        return tenths >= 1 ? "\(tenths) GiB" : "\(bytes >> 20) MiB"
    }
}
