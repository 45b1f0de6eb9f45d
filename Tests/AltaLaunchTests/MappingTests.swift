import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

/// The plan's cores against those that mpirun itself chooses: its simulator maps ranks on machines that are not at hand.
@Suite(.serialized, .enabled(if: HardwareFile.canSimulate)) struct MappingTests {
    @Test(arguments: [
        ("2-cores", 2, 1), ("2-cores", 1, 2), ("8-cores", 3, 2), ("48-cores", 48, 1), ("48-cores", 5, 8),
        ("48-cores", 3, 16),
        ("64-cores", 3, 1), ("64-cores", 7, 4), ("128-cores", 128, 1), ("128-cores", 10, 4), ("128-cores", 4, 32),
        ("256-cores", 256, 1), ("256-cores", 31, 8), ("cpuset-1", 4, 1), ("cpuset-1", 4, 2), ("hidden-nodes", 4, 1),
    ])
    func mpirunChoosesThePlannedCores(machine name: String, ranks: Int, threads: Int) throws {
        let machine = try RecordedMachine.load(name)
        let plan = try LaunchPlan(machine: machine, request: LaunchRequest(ranks: ranks, threadsPerRank: threads))
        let chosen = try Self.map(plan, machine)
        let numbers = machine.coresOfMemoryNodes.flatMap(\.cores)
        // Of a rank that has the whole machine mpirun says nothing.
        #expect(
            chosen.map { CoreList($0.isEmpty ? numbers : $0.map { numbers[$0] }) } == plan.plannedHosts[0].coresOfRanks)
    }

    /// For each rank the cores, numbered from 0 in the machine's order, that mpirun says it would bind it to.
    private static func map(_ plan: LaunchPlan, _ machine: MachineDescription) throws -> [[Int]] {
        let folder = try SharedMaterial.temporaryFolder("mapping")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try HardwareFile.text(of: machine).write(toFile: "\(folder)/m.xml", atomically: true, encoding: .utf8)
        var list = plan.arguments(
            mpirun: "mpirun", environment: [], worker: "/bin/true", workerArguments: [])
        list.removeLast()
        let options = [
            "--allow-run-as-root", "--mca", "ras", "simulator", "--mca", "ras_simulator_num_nodes", "1", "--mca",
            "ras_simulator_topo_files", "\(folder)/m.xml", "--display-map", "--do-not-launch", "/bin/true",
        ]
        // The simulator reads memory that it never set, and now and then crashes for it.
        for _ in 0..<10 {
            let job = try RunningJob.start(JobRunner.mpirun ?? "mpirun", Array(list.dropFirst()) + options)
            let map = cores(in: job.finish(limitSeconds: 30).output)
            if map.count == plan.ranks { return map }
        }
        Issue.record("mpirun mapped nothing: \(list)")
        return []
    }

    private static func cores(in output: String) -> [[Int]] {
        var found: [Int: [Int]] = [:]
        for line in output.split(separator: "\n") {
            guard let rank = line.firstMatch(of: /Process rank: (\d+) Bound: (.*)/) else { continue }
            found[Int(rank.1) ?? -1] = rank.2.matches(of: /\[core (\d+)\[/).compactMap { Int($0.1) }
        }
        return found.sorted { $0.key < $1.key }.map(\.value)
    }
}
