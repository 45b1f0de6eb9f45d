import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

/// The plan's cores against those that mpirun itself chooses: it is told of a machine that is not at hand.
@Suite(.serialized, .enabled(if: HardwareFile.isRead)) struct MappingTests {
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

    /// Slots that count hardware threads, on a host of which nothing else is known.
    @Test func moreSlotsThanCoresElsewhereAreNotRefused() throws {
        var request = LaunchRequest(ranks: 4)
        request.hosts = [ClusterHost(name: "elsewhere", slots: 4)]
        let machine = try RecordedMachine.load("2-cores")
        let plan = try LaunchPlan(machine: machine, request: request)
        #expect(plan.binding == .core && !plan.isOversubscribed)
        #expect(try Self.map(plan, machine) == [[0], [1], [0], [1]])
    }

    /// mpirun cannot show a map that a file tells it; it then starts ranks and says what it could not bind them to.
    @Test func listedCoresReachMpirun() throws {
        let machine = try RecordedMachine.load("cpuset-1")
        var plan = try LaunchPlan(machine: machine, request: LaunchRequest(ranks: 3, threadsPerRank: 2))
        let folder = try SharedMaterial.temporaryFolder("places")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try plan.writeFiles(in: folder)
        #expect(plan.mapping == .listed && plan.rankFile == "\(folder)/places")
        let said = try Self.run(plan, machine, ["--mca", "orte_base_help_aggregate", "0", "--report-bindings"]).errors
        #expect(said.contains(#"for bitmap "3-4""#) && said.contains(#"for bitmap "5-6""#), "\(said)")
    }

    /// For each rank the cores, numbered from 0 in the machine's order, that mpirun says it would bind it to.
    private static func map(_ plan: LaunchPlan, _ machine: MachineDescription) throws -> [[Int]] {
        let slots = ["--host", "localhost:\(plan.ranks)"]
        return cores(in: try run(plan, machine, slots + ["--display-map", "--do-not-launch"]).output)
    }

    /// Runs mpirun with more options as if it were on that machine.
    private static func run(
        _ plan: LaunchPlan, _ machine: MachineDescription, _ options: [String]
    ) throws -> JobOutcome {
        let folder = try SharedMaterial.temporaryFolder("mapping")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/machine.xml"
        try HardwareFile.text(of: machine).write(toFile: file, atomically: true, encoding: .utf8)
        let list = plan.arguments(mpirun: "", environment: [], worker: "/bin/true", workerArguments: [])
        return try RunningJob.start(
            JobRunner.mpirun ?? "mpirun", ["--allow-run-as-root"] + options + list.dropFirst(),
            environment: ["HWLOC_XMLFILE": file, "HWLOC_THISSYSTEM": "1"]
        ).finish(limitSeconds: 30)
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
