import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

@Suite struct MachineDescriptionTests {
    @Test(arguments: [
        ("1-core", 1, ["0"], true), ("2-cores", 2, ["0-1"], true), ("8-cores", 8, ["0,2,4,6,8,10,12,14"], true),
        ("48-cores", 48, ["0-23", "24-47"], true), ("cpuset-2", 4, ["4-7"], true),
        ("cpuset-1", 8, ["29-31", "32-36"], true), ("quota-2", 2, ["0-31", "32-63"], false),
        ("quota-1", 4, ["0-15"], false), ("taskset", 2, ["2,5"], false),
        ("memory-only-node", 16, ["0-7", "8-15"], true),
        ("hidden-nodes", 4, ["0-3"], true),
        ("128-cores", 128, (0..<8).map { "\($0 * 16)-\($0 * 16 + 15)" }, true),
        ("256-cores", 256, (0..<8).map { "\($0 * 32)-\($0 * 32 + 31)" }, true),
    ])
    func coresByMemoryNode(name: String, cores: Int, nodes: [String], canBind: Bool) throws {
        let machine = try RecordedMachine.load(name)
        #expect(machine.coreCount == cores && machine.canBind == canBind)
        #expect(machine.coresOfMemoryNodes.map(\.text) == nodes)
        // mpirun counts a node without cores among the nodes, also one that a cpuset left none.
        #expect(machine.hasMemoryNodeWithoutCores == ["cpuset-2", "memory-only-node"].contains(name))
    }

    @Test func socketsThatAreNumberedByTurns() throws {
        let nodes = try RecordedMachine.load("64-cores").coresOfMemoryNodes
        #expect(nodes.map(\.cores.count) == [32, 32] && nodes[0].cores.allSatisfy { $0 % 2 == 0 })
    }

    @Test(arguments: [
        ("2-cores", 16.0, []), ("8-cores", 32, ["16 hardware threads are 8 cores"]),
        ("cpuset-2", 16, ["4 of 64 cores may be used (4-7)", "a memory limit of 16.0 GiB"]),
        ("cpuset-1", 8, ["8 of 64 cores may be used (29-36)", "a memory limit of 8.0 GiB"]),
        ("quota-2", 8, ["a CPU quota of 2.5 cores: ranks are left unbound", "a memory limit of 8.0 GiB"]),
        ("quota-1", 2, ["a CPU quota of 4.0 cores: ranks are left unbound", "a memory limit of 2.0 GiB"]),
        (
            "taskset", 16,
            [
                "2 of 8 cores may be used (2,5)",
                "this process was narrowed to cores 2,5, which mpirun ignores: ranks are left unbound",
            ]
        ),
    ])
    func memoryAndLimits(name: String, gibibytes: Double, limits: [String]) throws {
        let machine = try RecordedMachine.load(name)
        #expect(machine.memoryBytes.map(Double.init) == gibibytes * 0x1p30)
        #expect(machine.limits == limits)
    }

    @Test func aMachineThatTellsNothingHasOneCore() {
        let machine = MachineDescription(isRoot: false) { _ in nil }
        #expect(machine.coreCount == 1 && machine.hostName == "localhost" && machine.memoryBytes == nil)
    }

    @Test func thisMachineHasCores() throws {
        let machine = MachineDescription.current()
        #expect((1...ProcessInfo.processInfo.activeProcessorCount).contains(machine.coreCount))
        #expect(!machine.hostName.isEmpty && machine.isRoot == (geteuid() == 0))
        let bytes = try #require(machine.memoryBytes)
        #expect(bytes > 1 << 20 && bytes <= ProcessInfo.processInfo.physicalMemory)
    }

    @Test func hostFilesAreRead() throws {
        let folder = try SharedMaterial.temporaryFolder("hosts")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func load(_ text: String) throws -> [ClusterHost] {
            try text.write(toFile: "\(folder)/hosts", atomically: true, encoding: .utf8)
            return try ClusterHost.load(hostFile: "\(folder)/hosts")
        }
        #expect(
            try load("# cluster\na slots=4 max_slots=8\n\nb # spare\nc slots=1\nc slots=2\n")
                == [ClusterHost(name: "a", slots: 4), ClusterHost(name: "b"), ClusterHost(name: "c", slots: 3)])
        let bad = #expect(throws: AltaError.self) { try load("a\nb slots=none\n") }
        #expect(bad?.row == 2 && bad?.file == "\(folder)/hosts")
        #expect(throws: AltaError.self) { try load("# nobody\n") }
        #expect(throws: AltaError.self) { try ClusterHost.load(hostFile: "\(folder)/absent") }
    }
}
