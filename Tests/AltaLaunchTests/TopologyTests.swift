import AltaCore
import AltaLaunch
import AltaTestSupport
import Testing

/// Plans for recorded machines.
@Suite struct TopologyTests {
    /// A machine, what is asked for, and what comes of it: mpirun's way of placing, and the cores of the first, a middle and
    /// the last rank.
    struct Case: CustomTestStringConvertible {
        var machine: String
        var ranks: Int
        var threads: Int
        var placement: String
        var cores: [String]
        var testDescription: String { "\(machine) -n \(ranks) x \(threads)" }

        init(_ machine: String, _ ranks: Int, _ threads: Int, _ placement: String, _ cores: [String]) {
            self.machine = machine
            self.ranks = ranks
            self.threads = threads
            self.placement = placement
            self.cores = cores
        }
    }

    static let inOrder = "--map-by slot:PE=% --bind-to core"
    static let byNode = "--map-by numa:PE=% --rank-by core --bind-to core"
    static let unbound = "--bind-to none"

    static let cases = [
        Case("1-core", 1, 1, inOrder, ["0", "0", "0"]), Case("1-core", 2, 1, unbound, []),
        Case("2-cores", 2, 1, inOrder, ["0", "1", "1"]), Case("2-cores", 1, 2, inOrder, ["0-1", "0-1", "0-1"]),
        // A hardware thread is no core: rank 1 gets the second core, which is processor 2.
        Case("8-cores", 2, 1, inOrder, ["0", "2", "2"]), Case("8-cores", 9, 1, unbound, []),
        Case("48-cores", 48, 1, byNode, ["0", "24", "47"]), Case("48-cores", 5, 8, byNode, ["0-7", "16-23", "32-39"]),
        Case("48-cores", 3, 16, inOrder, ["0-15", "16-31", "32-47"]),
        Case(
            "64-cores", 2, 32, byNode,
            ["0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,46,48,50,52,54,56,58,60,62"]),
        Case("64-cores", 3, 1, byNode, ["0", "2", "1"]), Case("64-cores", 64, 1, byNode, ["0", "1", "63"]),
        Case("128-cores", 128, 1, byNode, ["0", "64", "127"]),
        Case("128-cores", 8, 16, byNode, ["0-15", "64-79", "112-127"]),
        Case("128-cores", 10, 4, byNode, ["0-3", "48-51", "112-115"]),
        Case("128-cores", 2, 64, inOrder, ["0-63", "64-127", "64-127"]),
        Case("256-cores", 256, 1, byNode, ["0", "128", "255"]),
        Case("256-cores", 32, 8, byNode, ["0-7", "128-135", "248-255"]),
        Case("256-cores", 257, 1, unbound, []), Case("cpuset-2", 4, 1, inOrder, ["4", "6", "7"]),
        Case("cpuset-1", 4, 1, byNode, ["29", "32", "33"]),
        Case("cpuset-1", 4, 2, inOrder, ["29-30", "33-34", "35-36"]),
        Case("quota-2", 2, 1, unbound, []), Case("quota-1", 4, 1, unbound, []), Case("taskset", 2, 1, unbound, []),
        Case("memory-only-node", 2, 8, inOrder, ["0-7", "8-15", "8-15"]),
        Case("hidden-nodes", 4, 1, inOrder, ["0", "2", "3"]),
    ]

    @Test(arguments: cases) func planAndArguments(_ expected: Case) throws {
        let plan = try LaunchPlan(
            machine: try RecordedMachine.load(expected.machine),
            request: LaunchRequest(ranks: expected.ranks, threadsPerRank: expected.threads))
        let list = plan.arguments(mpirun: "mpirun", environment: [], worker: "w", workerArguments: [])
        let placement = expected.placement.replacing("%", with: "\(expected.threads)")
        #expect(list.joined(separator: " ").contains(" \(placement) "), "\(list)")
        let cores = plan.plannedHosts[0].coresOfRanks.map(\.text)
        #expect(cores.count == (expected.cores.isEmpty ? 0 : expected.ranks))
        guard let first = cores.first, let last = cores.last else { return }
        #expect(Array([first, cores[cores.count / 2], last].prefix(expected.cores.count)) == expected.cores)
    }

    private func notes(_ machine: String, _ ranks: Int, _ threads: Int) throws -> String {
        try LaunchPlan(
            machine: try RecordedMachine.load(machine), request: LaunchRequest(ranks: ranks, threadsPerRank: threads)
        ).table
    }

    @Test func theTableSaysWhatIsIdleAndWhy() throws {
        #expect(try notes("48-cores", 40, 1).contains("8 core(s) stay idle: use more ranks (-n 48)"))
        #expect(try notes("48-cores", 4, 10).contains("8 core(s) stay idle: 10 threads a rank do not divide"))
        #expect(try !notes("48-cores", 48, 1).contains("idle:"))
    }

    @Test func theTableWarns() throws {
        #expect(try notes("48-cores", 3, 16).contains("warning: rank 1 has cores of two memory nodes"))
        #expect(try !notes("48-cores", 2, 16).contains("two memory nodes"))
        #expect(try notes("quota-1", 4, 1).contains("warning: 512 MiB of memory a rank on pod1"))
        #expect(try !notes("quota-1", 1, 4).contains("of memory a rank"))
        #expect(try notes("256-cores", 8, 1).contains("512 hardware threads are 256 cores"))
    }

    @Test func theTableNamesTheCoresOfTheRanks() throws {
        let lines = try notes("128-cores", 10, 4).split(separator: "\n")
        #expect(lines[1] == "epyc128  128    8 x 16        0-9    4             4 cores each  88")
        #expect(lines.contains("  epyc128: ranks 0-1 on cores 0-7, 4 each (memory node 0)"))
        #expect(lines.contains("  epyc128: rank 9 on cores 112-115 (memory node 7)"))
        let straddling = try notes("48-cores", 3, 16)
        #expect(straddling.contains("epyc48: rank 1 on cores 16-31 (memory nodes 0 + 1)"))
    }
}
