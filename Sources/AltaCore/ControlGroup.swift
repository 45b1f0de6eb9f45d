/// What a control group (of a container, a batch system, a service) grants; both versions of Linux's interface.
public struct ControlGroup: Sendable, Equatable, Codable {
    /// The most memory that the processes of the group may use together, in bytes; nil: no limit.
    public var memoryLimitBytes: Int?
    /// The processor time per second of all cores together, such as 1.5; nil: no limit.
    public var coreQuota: Double?

    /// Stores the limits.
    public init(memoryLimitBytes: Int? = nil, coreQuota: Double? = nil) {
        self.memoryLimitBytes = memoryLimitBytes
        self.coreQuota = coreQuota
    }

    /// The folders whose limits hold for a process, the group's own first and the root of the tree last.
    ///
    /// In a container the path that the kernel tells may lie outside of what is mounted: the root then is the
    /// container's own group.
    ///
    /// - Parameters:
    ///   - text: `/proc/self/cgroup`, lines of `hierarchy:controllers:path`.
    ///   - controller: `memory` or `cpu`.
    /// - Returns: folders of version 1 where that has the controller, else of version 2.
    public static func folders(text: String, controller: String, root: String = "/sys/fs/cgroup") -> [String] {
        var unified: [String] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].split(separator: ",").contains(where: { $0 == controller }) {
                return ancestors(of: fields[2], root: "\(root)/\(fields[1])")
            }
            if fields[0] == "0" { unified = ancestors(of: fields[2], root: root) }
        }
        return unified
    }

    /// The limits of the nearest and of every outer group, the tightest of each.
    ///
    /// - Parameter read: the text of a file, or nil where there is none.
    public static func limits(
        memoryFolders: [String], processorFolders: [String], read: (String) -> String?
    ) -> ControlGroup {
        let memory = memoryFolders.compactMap { folder in
            (read("\(folder)/memory.max") ?? read("\(folder)/memory.limit_in_bytes")).flatMap(memoryLimit)
        }
        let quotas = processorFolders.compactMap { folder -> Double? in
            if let both = read("\(folder)/cpu.max") { return coreQuota(both) }
            guard let quota = read("\(folder)/cpu.cfs_quota_us"), let period = read("\(folder)/cpu.cfs_period_us")
            else { return nil }
            return coreQuota("\(quota) \(period)")
        }
        return ControlGroup(memoryLimitBytes: memory.min(), coreQuota: quotas.min())
    }

    /// The limits that hold for this process.
    ///
    /// - Parameter read: the text of a file, or nil where there is none.
    public static func current(read: (String) -> String? = SystemFile.textIfPresent) -> ControlGroup {
        let text = read("/proc/self/cgroup") ?? ""
        return limits(
            memoryFolders: folders(text: text, controller: "memory"),
            processorFolders: folders(text: text, controller: "cpu"), read: read)
    }

    /// The cores that this process's control group leaves it; nil where it does not say.
    ///
    /// - Parameter read: the text of a file, or nil where there is none.
    public static func currentCores(read: (String) -> String? = SystemFile.textIfPresent) -> CoreList? {
        let text = read("/proc/self/cgroup") ?? ""
        // Every group's list lies within its parent's, so the nearest one that says anything holds.
        for folder in folders(text: text, controller: "cpuset") {
            for name in ["cpuset.cpus.effective", "cpuset.effective_cpus"] {
                guard let list = read("\(folder)/\(name)"), let cores = try? CoreList(text: list) else { continue }
                if !cores.cores.isEmpty { return cores }
            }
        }
        return nil
    }

    /// `memory.max` or `memory.limit_in_bytes`: bytes; nil for `max` and for version 1's way to say so, which is the
    /// largest multiple of a page.
    public static func memoryLimit(_ text: String) -> Int? {
        guard let bytes = Int(text.filter { !$0.isWhitespace }), bytes >= 0, bytes < Int.max - (1 << 20) else {
            return nil
        }
        return bytes
    }

    /// `cpu.max` (`QUOTA PERIOD` in microseconds) in cores; nil for `max` and for version 1's -1.
    public static func coreQuota(_ text: String) -> Double? {
        let numbers = text.split(whereSeparator: \.isWhitespace).map { Double($0) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return quota / period
    }

    private static func ancestors(of path: Substring, root: String) -> [String] {
        let names = path.split(separator: "/").filter { $0 != ".." }
        return (0...names.count).reversed().map { ([root] + names.prefix($0).map(String.init)).joined(separator: "/") }
    }
}
