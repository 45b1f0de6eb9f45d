import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

/// Plans over several hosts: a host file, Slurm, PBS, and what is left when a host is gone.
@Suite struct ClusterPlanTests {
    private func plan(
        _ environment: [String: String] = [:], machine: String = "48-cores", files: [String: String] = [:],
        _ request: LaunchRequest = LaunchRequest()
    ) throws -> LaunchPlan {
        try LaunchPlan(
            machine: try RecordedMachine.load(machine),
            request: request.located(environment: environment, workingFolder: "/home/u") { files[$0] })
    }

    private func line(_ plan: LaunchPlan) -> String {
        plan.arguments(mpirun: "mpirun", environment: [("ALTA_THREADS", "1")], worker: "w", workerArguments: [])
            .joined(separator: " ")
    }

    private func slurm(_ more: [String: String]) -> [String: String] {
        ["SLURM_JOB_ID": "77", "SLURM_JOB_NODELIST": "epyc48,h[1-2]"].merging(more) { $1 }
    }

    private var fourHosts: LaunchRequest {
        var request = LaunchRequest()
        request.hostFile = SharedMaterial.fixture("topologies/four-hosts.hosts")
        return request
    }

    @Test func aHostFileIsFilledByItsCores() throws {
        let plan = try plan([:], fourHosts)
        #expect(plan.ranks == 192 && plan.ranksOfHosts == [48, 48, 48, 48] && plan.writtenHostFile == nil)
        #expect(plan.mapping == .byMemoryNode && plan.table.contains("node4  48     2 x 24 assumed  144-191"))
        let text = line(plan)
        #expect(text.contains("--hostfile \(fourHosts.hostFile ?? "") -n 192 --map-by numa:PE=1 --rank-by core"))
        #expect(text.contains("--mca oob_tcp_keepalive_time 3 --mca oob_tcp_keepalive_intvl 1"))
        #expect(text.contains("--wdir /home/u"))
    }

    @Test func onlyCoresThatWereSeenAreHeldAgainstMpirun() throws {
        #expect(line(try plan([:], fourHosts)).contains("--bind-to core:overload-allowed"))
        #expect(line(try plan([:], LaunchRequest(ranks: 48))).contains("--bind-to core --tag-output"))
        var own = fourHosts
        own.hosts = [ClusterHost(name: "epyc48", slots: 48), ClusterHost(name: "h1", slots: 48)]
        own.hostFile = nil
        own.ranks = 48
        let here = try LaunchPlan(machine: try RecordedMachine.load("48-cores"), request: own)
        #expect(here.ranksOfHosts == [48, 0] && line(here).contains("--bind-to core --tag-output"))
    }

    @Test func oneMachineNeedsNoneOfThat() throws {
        let text = line(try plan(["ALTA_FROZEN": "private"], LaunchRequest(ranks: 2)))
        #expect(!text.contains("keepalive") && !text.contains("--wdir") && !text.contains("-x ALTA_FROZEN"))
    }

    @Test func ranksElsewhereGetTheUsersVariables() throws {
        let text = line(
            try plan(
                ["ALTA_FROZEN": "private", "ALTA_THREADS": "9", "LD_LIBRARY_PATH": "/opt", "HOME": "/"], fourHosts))
        #expect(text.contains("-x ALTA_THREADS=1 -x ALTA_FROZEN -x LD_LIBRARY_PATH --wdir"))
        #expect(!text.contains("HOME"))
    }

    @Test func slurmCoresGiveTheRanks() throws {
        let found = try plan(slurm(["SLURM_JOB_CPUS_PER_NODE": "48(x2),24", "SLURM_TASKS_PER_NODE": "1(x3)"]))
        #expect(found.ranksOfHosts == [48, 48, 24] && found.binding == .core)
        #expect(found.writtenHostFile == "epyc48 slots=48\nh1 slots=48\nh2 slots=24\n")
        // mpirun would take SLURM_TASKS_PER_NODE for the slots, whatever the host file says.
        #expect(line(found).contains("--mca ras ^slurm"))
        let threads = try plan(
            slurm(["SLURM_JOB_CPUS_PER_NODE": "48(x2),24"]), LaunchRequest(threadsPerRank: 10))
        #expect(threads.ranksOfHosts == [4, 4, 2] && threads.idleCoreCount == 20)
    }

    @Test func slurmMayCountHardwareThreads() throws {
        let environment = [
            "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "epyc256,h1", "SLURM_JOB_CPUS_PER_NODE": "512(x2)",
        ]
        #expect(try plan(environment, machine: "256-cores").ranksOfHosts == [256, 256])
        // Half the threads of a machine that nothing fences, or all its cores.
        let doubtful = try plan(
            environment.merging(["SLURM_JOB_CPUS_PER_NODE": "256(x2)"]) { $1 }, machine: "256-cores")
        #expect(doubtful.ranksOfHosts == [128, 128])
        #expect(
            doubtful.table.contains("the 256 processors granted on epyc256 are taken for hardware threads of 128 cores")
        )
    }

    @Test func processorsOfOtherHostsAreWhatTheyAreHere() throws {
        // 32 cores of two threads each.
        var machine = MachineDescription(
            hostName: "n1", coreCount: 32, coresOfMemoryNodes: [CoreList(0..<32)], hardwareThreadCount: 64)
        func ranks(_ processors: String) throws -> [Int] {
            let environment = [
                "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_CPUS_PER_NODE": processors,
            ]
            let request = try LaunchRequest().located(environment: environment, workingFolder: "/") { _ in nil }
            return try LaunchPlan(machine: machine, request: request).ranksOfHosts
        }
        #expect(try ranks("64,32") == [32, 16])
        #expect(try ranks("32,64") == [16, 32])
        machine.isFenced = true
        #expect(try ranks("64,32") == [32, 16])
        #expect(try ranks("32,64") == [32, 64])
    }

    @Test func aPartOfAMachineThatNothingKeepsOthersOffIsLeftUnbound() throws {
        let environment = ["SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "epyc48", "SLURM_JOB_CPUS_PER_NODE": "8"]
        let shared = try plan(environment)
        #expect(
            shared.ranks == 8 && shared.binding == .none && shared.table.contains("nothing keeps other jobs off them"))
        let confined = try plan(
            environment.merging(["SLURM_JOB_NODELIST": "box", "SLURM_JOB_CPUS_PER_NODE": "4"]) { $1 },
            machine: "cpuset-2")
        #expect(confined.ranks == 4 && confined.binding == .core)
    }

    @Test func aLoginNodesLimitsAreNotTheHosts() throws {
        let environment = ["SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "h[1-2]", "SLURM_JOB_CPUS_PER_NODE": "64(x2)"]
        #expect(try plan(environment, machine: "quota-2").binding == .core)
        #expect(try plan(machine: "quota-2", LaunchRequest(ranks: 2)).binding == .none)
    }

    @Test func openMPIsStandingHostFileIsTaken() throws {
        let file = SharedMaterial.fixture("topologies/four-hosts.hosts")
        #expect(try plan(["OMPI_MCA_orte_default_hostfile": file]).ranksOfHosts == [48, 48, 48, 48])
        var own = LaunchRequest(ranks: 1)
        own.hostFile = "/nowhere"
        #expect(throws: AltaError.self) { try plan(["OMPI_MCA_orte_default_hostfile": file], own) }
    }

    @Test func pbsSlotsAreLeftAloneWhereTheyArePlan() throws {
        let files = ["/nodes": "epyc48\nepyc48\nh1\nh1\n"]
        let tasks = try plan(["PBS_NODEFILE": "/nodes", "NCPUS": "48"], files: files)
        #expect(tasks.ranksOfHosts == [2, 2] && tasks.threadsPerRank == 24 && !line(tasks).contains("^tm"))
        #expect(tasks.table.contains("tasks that PBS was asked for (lines of the node file): 4, with 24 threads each"))
        let whole = try plan(["PBS_NODEFILE": "/n", "NCPUS": "48"], files: ["/n": "epyc48\nh1\n"])
        #expect(whole.ranks == 96 && line(whole).contains("--mca ras ^tm --mca plm ^tm"))
        #expect(whole.table.contains("no number of tasks is known of PBS"))
        let same = try plan(
            ["PBS_NODEFILE": "/nodes", "NCPUS": "48"], files: files, LaunchRequest(ranks: 4, ranksPerNode: 2))
        #expect(same.writtenHostFile == "epyc48 slots=2\nh1 slots=2\n" && !line(same).contains("^tm"))
    }

    @Test func aLostHostLeavesFewerRanks() throws {
        var request = fourHosts
        request.ranks = 150
        request.minimumRanks = 96
        let whole = try request.located(environment: [:], workingFolder: "/")
        let machine = try RecordedMachine.load("48-cores")
        let three = try LaunchPlan(machine: machine, request: whole.without(hosts: ["node2", "stranger"]))
        #expect(three.ranksOfHosts == [48, 48, 48] && three.ranks == 144)
        #expect(three.writtenHostFile == "node1 slots=48\nnode3 slots=48\nnode4 slots=48\n" && three.hostFile == nil)
        let one = whole.without(hosts: ["node2"]).without(hosts: ["node3", "node4"])
        let tooFew = #expect(throws: AltaError.self) { try LaunchPlan(machine: machine, request: one) }
        #expect(tooFew?.exitCode == .stoppedEarly && tooFew?.description.contains("node2, node3, node4") == true)
        let none = #expect(throws: AltaError.self) {
            try LaunchPlan(machine: machine, request: one.without(hosts: ["node1"]))
        }
        #expect(none?.exitCode == .stoppedEarly)
    }

    @Test func withoutAMinimumAllRanksMustFit() throws {
        var request = fourHosts
        request.ranks = 100
        let three = try request.located(environment: [:], workingFolder: "/").without(hosts: ["node1"])
        let machine = try RecordedMachine.load("48-cores")
        #expect(try LaunchPlan(machine: machine, request: three).ranksOfHosts == [48, 48, 4])
        #expect(throws: AltaError.self) {
            try LaunchPlan(machine: machine, request: three.without(hosts: ["node2"]))
        }
    }

    @Test func theHostFileIsWrittenForMpirun() throws {
        let folder = try SharedMaterial.temporaryFolder("hostfile")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var found = try plan(slurm(["SLURM_JOB_CPUS_PER_NODE": "48(x3)"]))
        try found.writeFiles(in: folder)
        #expect(found.hostFile == "\(folder)/hosts" && line(found).contains("--hostfile \(folder)/hosts"))
        #expect(try ClusterHost.load(hostFile: "\(folder)/hosts").map(\.slots) == [48, 48, 48])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["hosts"])
        #expect(throws: AltaError.self) { try found.writeFiles(in: "\(folder)/absent") }
    }

    @Test func aSitesParametersWin() throws {
        var request = fourHosts
        request.parameters = [MPIParameter(name: "oob_tcp_keepalive_time", value: "60")]
        request.mpirunOptions = ["--report-bindings"]
        let text = line(try plan([:], request))
        // mpirun refuses a parameter that is given twice.
        #expect(text.contains("--mca oob_tcp_keepalive_time 60") && !text.contains("keepalive_time 3"))
        #expect(text.hasSuffix("--report-bindings w"))
    }
}
