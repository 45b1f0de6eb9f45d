import AltaCore
import AltaLaunch
import AltaTestSupport

/// A machine as hwloc, which mpirun asks, writes it: each memory node a package, each core one hardware thread.
enum HardwareFile {
    /// Whether mpirun can plan for such a machine.
    static let canSimulate: Bool = {
        guard JobRunner.hasMpirun, let found = try? RunningJob.start("/usr/bin/ompi_info", []) else { return false }
        return found.finish(limitSeconds: 20).output.contains("MCA ras: simulator")
    }()

    static func text(of machine: MachineDescription) -> String {
        var number = 0
        var index = 0
        var nodes = ""
        for (node, cores) in machine.coresOfMemoryNodes.enumerated() {
            func object(_ type: String, _ osIndex: Int, _ processors: Range<Int>, _ inner: String = "") -> String {
                number += 1
                let set = "\(mask(processors))"
                let own = mask(node..<node + 1)
                return #"<object type="\#(type)" os_index="\#(osIndex)" cpuset="\#(set)" complete_cpuset="\#(set)" "#
                    + #"nodeset="\#(own)" complete_nodeset="\#(own)" gp_index="\#(number)">\#(inner)</object>"# + "\n"
            }
            let all = index..<index + cores.cores.count
            let inner = all.map { object("Core", $0, $0..<$0 + 1, object("PU", $0, $0..<$0 + 1)) }.joined()
            nodes += object("Package", node, all, object("NUMANode", node, all) + inner)
            index = all.upperBound
        }
        let set = mask(0..<index)
        let own = mask(0..<machine.coresOfMemoryNodes.count)
        return #"<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE topology SYSTEM "hwloc2.dtd"><topology version="2.0">"#
            + #"<object type="Machine" os_index="0" cpuset="\#(set)" complete_cpuset="\#(set)" allowed_cpuset="\#(set)" "#
            + #"nodeset="\#(own)" complete_nodeset="\#(own)" allowed_nodeset="\#(own)" gp_index="\#(number + 1)">"#
            + "\n\(nodes)</object></topology>\n"
    }

    /// A set as hwloc writes it: 32 bits a group, the highest first.
    private static func mask(_ bits: Range<Int>) -> String {
        let groups = (bits.upperBound + 31) / 32
        return (0..<groups).reversed().map { group in
            let word = (0..<32).reduce(UInt32(0)) { $0 | (bits.contains(group * 32 + $1) ? 1 << UInt32($1) : 0) }
            let digits = String(word, radix: 16)
            return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
        }.joined(separator: ",")
    }
}
