import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation

/// A machine as the kernel's files told it, from `Tests/Fixtures/topologies`.
///
/// A line is a path, a space and the file's text, with `\n` and `\t` for what cannot stand in a line; `threads-of-cores
/// 0-255 +256` stands for the lists of siblings of 256 cores, `0-15 neighbours` for those of 8.
enum RecordedMachine {
    static let names = [
        "1-core", "2-cores", "8-cores", "48-cores", "64-cores", "128-cores", "256-cores", "cpuset-1", "cpuset-2",
        "quota-1", "quota-2", "taskset", "memory-only-node", "hidden-nodes",
    ]

    static func load(_ name: String, isRoot: Bool = false) throws -> MachineDescription {
        let files = try files(String(contentsOfFile: SharedMaterial.fixture("topologies/\(name).txt"), encoding: .utf8))
        return MachineDescription(isRoot: isRoot) { files[$0] }
    }

    private static func files(_ text: String) throws -> [String: String] {
        var files: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            let content = parts.count > 1 ? parts[1] : ""
            if parts[0] == "threads-of-cores" {
                for (core, siblings) in try siblings(content) {
                    files["/sys/devices/system/cpu/cpu\(core)/topology/thread_siblings_list"] = siblings
                }
            } else {
                files[parts[0]] = content.replacing("\\n", with: "\n").replacing("\\t", with: "\t") + "\n"
            }
        }
        return files
    }

    private static func siblings(_ text: String) throws -> [(Int, String)] {
        let parts = text.split(separator: " ")
        return try CoreList(text: parts[0]).cores.flatMap { core -> [(Int, String)] in
            guard let distance = Int(parts[1].dropFirst()) else { return [(core, "\(core & ~1)-\(core | 1)")] }
            return [core, core + distance].map { ($0, "\(core),\(core + distance)") }
        }
    }
}
