import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

@Suite struct MachineDescriptionTests {
    private func machine(
        allowed: String, cpuset: String?, quota: Double? = nil, siblings: (Int) -> String? = { _ in nil }
    ) -> MachineDescription {
        MachineDescription(
            hostName: "h", isRoot: false, allowedList: allowed, cpusetList: cpuset, quotaCores: quota,
            siblings: siblings)
    }

    @Test func hardwareThreadsOfACoreCountOnce() {
        let machine = machine(allowed: "0-255", cpuset: "0-255") { "\($0 % 128),\($0 % 128 + 128)" }
        #expect(machine.coreCount == 128 && machine.canBind)
    }

    @Test func aCpusetIsAMachineOfItsOwn() {
        let machine = machine(allowed: "4-7", cpuset: "4-7")
        #expect(machine.coreCount == 4 && machine.canBind)
    }

    @Test func tasksetNarrowsWithoutTellingMpirun() {
        let machine = machine(allowed: "2,5", cpuset: "0-7")
        #expect(machine.coreCount == 2 && !machine.canBind)
    }

    @Test func aQuotaLimitsAndUnbinds() {
        #expect(
            machine(allowed: "0-63", cpuset: "0-63", quota: 2.5)
                == MachineDescription(hostName: "h", coreCount: 2, canBind: false))
        #expect(machine(allowed: "0-3", cpuset: "0-3", quota: 0.5).coreCount == 1)
        #expect(machine(allowed: "0-3", cpuset: "0-3", quota: 4).canBind)
    }

    @Test func thisMachineHasCores() {
        let machine = MachineDescription.current()
        #expect((1...ProcessInfo.processInfo.activeProcessorCount).contains(machine.coreCount))
        #expect(!machine.hostName.isEmpty && machine.isRoot == (geteuid() == 0))
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
