import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

/// The host file that people copy.
@Suite struct ExampleHostFileTests {
    @Test func theExampleIsReadAsItsCommentsSay() throws {
        let path = SharedMaterial.projectRoot.appending(path: "Cluster/hostfile.example").path
        let hosts = try ClusterHost.load(hostFile: path)
        #expect(
            hosts == [
                ClusterHost(name: "node01", slots: 16), ClusterHost(name: "node02", slots: 16),
                ClusterHost(name: "node03.example.org", slots: 8),
            ])
    }
}

/// Host files as mpirun 4.1.4 reads them: each line here was given to it.
@Suite struct HostFileTests {
    private func hosts(_ text: String) throws -> [ClusterHost] {
        let folder = try SharedMaterial.temporaryFolder("host-file")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try text.write(toFile: "\(folder)/hosts", atomically: true, encoding: .utf8)
        return try ClusterHost.load(hostFile: "\(folder)/hosts")
    }

    @Test(arguments: [
        "vm slots=4", "vm slots = 4", "vm slots= 4", "vm\tslots =4", "vm cpu=4", "vm count=4", "vm max_slots=4",
        "vm max-slots = 4", "vm slots-max=4", "vm cpu_max=4", "vm max_cpu=4", "vm slots=4 max_slots=6",
        "vm slots=4 # slots=5",
        "vm slots=4 // eight",
    ])
    func allWordsForSlotsAreRead(line: String) throws {
        let read = try hosts("# a comment\n\(line)\nother\n")
        #expect(read == [ClusterHost(name: "vm", slots: 4), ClusterHost(name: "other")])
    }

    @Test(arguments: [
        "vm foo=4", "vm cpus=4", "vm slot=4", "vm ppn=4", "vm SLOTS=4", "vm slots 4", "vm slots=4 foo",
        "vm slots=4 slots=5",
        "vm slots=4 max_slots=2", "vm slots=", "vm slots=auto", "vm,slots=4", "slots=4", "vm rank=0",
    ])
    func wordsThatMpirunRefusesAreRefusedWithTheirRow(line: String) {
        let error = #expect(throws: AltaError.self) { try hosts("other\n\(line)\n") }
        let text = error?.description ?? ""
        #expect(text.contains("row 2") && text.contains("slots="), "\(text)")
    }

    @Test func whoLogsInIsKeptInAWrittenFile() throws {
        for line in ["h1 slots=4 username=me", "me@h1 slots=4"] {
            var request = LaunchRequest(ranksPerNode: 2)
            request.hostFile = "hosts"
            request.hosts = try hosts("\(line)\nh2\n")
            let plan = try LaunchPlan(machine: MachineDescription(hostName: "here", coreCount: 8), request: request)
            #expect(plan.writtenHostFile == "h1 slots=2 username=me\nh2 slots=2\n")
        }
    }
}
