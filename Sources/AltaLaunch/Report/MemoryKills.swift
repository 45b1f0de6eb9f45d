import AltaCore
import Foundation

/// How often the kernel of this host has ended a process for lack of memory, from its own counters.
///
/// Two of them, before and after a job, tell whether a SIGKILL was the kernel's. The control group's counter is exact; the
/// machine's counts other people's processes too.
public struct MemoryKills: Equatable, Sendable {
    /// In this process's control group; nil: it has no counter.
    public var inGroup: Int?
    /// On the machine; nil: the kernel does not say.
    public var onMachine: Int?

    /// Stores the counters.
    public init(inGroup: Int?, onMachine: Int?) {
        self.inGroup = inGroup
        self.onMachine = onMachine
    }

    /// What the counters say of a job.
    public enum Verdict: Equatable, Sendable {
        /// A process of the job's control group was ended for lack of memory.
        case certain
        /// Some process of the machine was.
        case likely
        /// None was.
        case none
        /// The kernel does not count, or another host's does.
        case unknown
    }

    /// What happened since `before`.
    public func verdict(since before: MemoryKills) -> Verdict {
        if let now = inGroup, let then = before.inGroup, now > then { return .certain }
        guard let now = onMachine, let then = before.onMachine else {
            return inGroup == nil || before.inGroup == nil ? .unknown : .none
        }
        return now > then ? .likely : .none
    }

    /// This host's counters now.
    public static func current() -> MemoryKills {
        func read(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
        let paths = counterPaths(groups: read("/proc/self/cgroup") ?? "")
        return MemoryKills(
            inGroup: paths.lazy.compactMap { read($0).flatMap(count) }.first,
            onMachine: read("/proc/vmstat").flatMap(count))
    }

    /// Where the control group's counter may be, from `/proc/self/cgroup`: in the group's own folder, or in the tree's root, as
    /// a container sees its own group; under the name of version 2, then of version 1. Groups between count other jobs too.
    package static func counterPaths(groups: String) -> [String] {
        let folders = ControlGroup.folders(text: groups, controller: "memory")
        return [folders.first, folders.last].compactMap(\.self).flatMap { folder in
            ["memory.events", "memory.oom_control"].map { "\(folder)/\($0)" }
        }
    }

    /// The number after `oom_kill` in a file of such lines.
    package static func count(_ text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "oom_kill" { return Int(words[1]) }
        }
        return nil
    }
}
