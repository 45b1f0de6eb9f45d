import Foundation

extension MachineDescription {
    /// This machine, as the kernel's files under `/proc` and `/sys` tell it.
    public static func current() -> MachineDescription {
        MachineDescription(
            hostName: ProcessInfo.processInfo.hostName, isRoot: geteuid() == 0,
            allowedList: field("Cpus_allowed_list:", of: "/proc/self/status") ?? "0",
            cpusetList: cpusetList(), quotaCores: quotaCores(),
            siblings: { text("/sys/devices/system/cpu/cpu\($0)/topology/thread_siblings_list") })
    }

    private static func text(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func field(_ name: String, of path: String) -> String? {
        text(path)?.split(separator: "\n").first { $0.hasPrefix(name) }
            .map { $0.dropFirst(name.count).trimmingCharacters(in: .whitespaces) }
    }

    /// The folders of this process's control group for a controller, the innermost first (version 2, then version 1).
    private static func groupFolders(_ controller: String) -> [String] {
        var folders: [String] = []
        for line in (text("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",").map(String.init)
            let root: String
            if parts[0] == "0" {
                root = "/sys/fs/cgroup"
            } else if controllers.contains(controller) {
                root = "/sys/fs/cgroup/\(controller)"
            } else {
                continue
            }
            // Inside a container the path is often the host's and absent here; the root is then the container's own.
            folders += [root + parts[2], root]
        }
        return folders
    }

    private static func cpusetList() -> String? {
        for folder in groupFolders("cpuset") {
            for name in ["cpuset.cpus.effective", "cpuset.effective_cpus"] {
                if let list = text("\(folder)/\(name)"), !list.isEmpty { return list }
            }
        }
        return text("/sys/devices/system/cpu/online")
    }

    private static func quotaCores() -> Double? {
        for folder in groupFolders("cpu") {
            if let parts = text("\(folder)/cpu.max")?.split(separator: " ").map(String.init), parts.count == 2 {
                return ratio(parts[0], parts[1])
            }
            if let quota = text("\(folder)/cpu.cfs_quota_us"), let period = text("\(folder)/cpu.cfs_period_us") {
                return ratio(quota, period)
            }
        }
        return nil
    }

    private static func ratio(_ quota: String, _ period: String) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }
}
