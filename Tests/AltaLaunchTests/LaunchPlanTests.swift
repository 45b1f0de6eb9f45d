import AltaCore
import AltaLaunch
import Testing

@Suite struct LaunchPlanTests {
    private func plan(
        cores: Int, canBind: Bool = true, isRoot: Bool = false, _ change: (inout LaunchRequest) -> Void
    ) throws -> LaunchPlan {
        var request = LaunchRequest()
        change(&request)
        return try LaunchPlan(
            machine: MachineDescription(hostName: "node1", coreCount: cores, canBind: canBind, isRoot: isRoot),
            request: request)
    }

    private func arguments(_ plan: LaunchPlan) -> [String] {
        plan.arguments(
            mpirun: "/usr/bin/mpirun", environment: [("A", "1 2")], worker: "/bin/w", workerArguments: ["x y"])
    }

    @Test func oneRankACoreIsBoundToIt() throws {
        let plan = try plan(cores: 2) { $0.ranks = 2 }
        #expect(
            arguments(plan) == [
                "/usr/bin/mpirun", "-n", "2", "--map-by", "slot:PE=1", "--bind-to", "core", "--tag-output", "--mca",
                "state_base_verbose", "1", "-x", "A=1 2", "/bin/w", "x y",
            ])
        #expect(plan.idleCoreCount == 0)
    }

    @Test func rootIsSaidToBeMeant() throws {
        let plan = try plan(cores: 2, isRoot: true) { $0.ranks = 1 }
        #expect(arguments(plan).contains("--allow-run-as-root"))
    }

    @Test(arguments: [1, 2, 3, 4, 6, 8, 16, 32, 48, 64, 96, 128, 192, 256])
    func everyMachineGetsAPlanThatFits(cores: Int) throws {
        for ranks in [1, 2, 3, 7, 64, 256] {
            for threads in [1, 2, 8] {
                let plan = try plan(cores: cores) {
                    $0.ranks = ranks
                    $0.threadsPerRank = threads
                }
                let list = arguments(plan)
                let fits = ranks * threads <= cores
                #expect(plan.isOversubscribed == !fits)
                #expect(plan.idleCoreCount == max(0, cores - ranks * threads))
                #expect(list.contains("--oversubscribe") == !fits)
                #expect(list.contains("mpi_yield_when_idle") == !fits)
                #expect(list.contains("none") == !fits)
                #expect(list.contains("core") == fits)
                #expect(list.contains("slot:PE=\(threads)") == fits)
            }
        }
    }

    @Test func aMachineThatCannotBindIsLeftUnbound() throws {
        let narrowed = try plan(cores: 4, canBind: false) { $0.ranks = 2 }
        #expect(narrowed.binding == .none && !narrowed.isOversubscribed)
        let asked = try plan(cores: 4) {
            $0.ranks = 2
            $0.mayBind = false
        }
        #expect(asked.binding == .none)
    }

    @Test func hostsAreFilledInOrder() throws {
        let plan = try plan(cores: 8) {
            $0.ranks = 5
            $0.hostFile = "hosts"
            $0.hosts = [ClusterHost(name: "a", slots: 4), ClusterHost(name: "b", slots: 4)]
        }
        #expect(plan.ranksOfHosts == [4, 1] && plan.writtenHostFile == nil)
        #expect(arguments(plan).starts(with: ["/usr/bin/mpirun", "--hostfile", "hosts", "-n", "5", "--map-by"]))
        #expect(
            plan.table.split(separator: "\n")[1...2] == [
                "a     4      1 x 4 assumed  0-3    1             a core each  0",
                "b     4      1 x 4 assumed  4      1             a core each  3",
            ])
    }

    @Test func threadsSpreadOverHosts() throws {
        let plan = try plan(cores: 8) {
            $0.ranks = 3
            $0.threadsPerRank = 2
            $0.hostFile = "hosts"
            $0.hosts = [ClusterHost(name: "a", slots: 4), ClusterHost(name: "b", slots: 4)]
        }
        // mpirun itself would put three ranks, six threads, on the four slots of the first host.
        #expect(plan.ranksOfHosts == [2, 1] && !plan.isOversubscribed)
        #expect(plan.writtenHostFile == "a slots=2\nb slots=1\n" && plan.hostFile == nil)
        #expect(arguments(plan).contains("slot:PE=2"))
    }

    @Test func slotsAreNoCores() throws {
        // mpirun believes slots=4 and would let four ranks spin on this machine's two cores.
        let plan = try plan(cores: 2) {
            $0.ranks = 4
            $0.hosts = [ClusterHost(name: "localhost", slots: 4)]
        }
        #expect(plan.isOversubscribed && plan.binding == .none)
    }

    @Test func namesOfOneMachineAreOneHost() throws {
        func plan(_ ranks: Int?) throws -> LaunchPlan {
            try self.plan(cores: 2) {
                $0.ranks = ranks
                $0.hostFile = "hosts"
                $0.hosts = [
                    ClusterHost(name: "localhost", slots: 2), ClusterHost(name: "node1", slots: 2),
                    ClusterHost(name: "node1.site", slots: 1), ClusterHost(name: "other", slots: 2),
                ]
            }
        }
        let full = try plan(nil)
        #expect(full.hosts.map(\.name) == ["localhost", "other"] && full.ranksOfHosts == [2, 2])
        #expect(full.binding == .core && full.table.contains("localhost, node1, node1.site are this machine"))
        // mpirun refuses the user's file.
        #expect(full.writtenHostFile == "localhost slots=2\nother slots=2\n")
        let more = try plan(5)
        #expect(more.ranksOfHosts == [5, 0] && more.isOversubscribed && more.binding == .none)
    }

    @Test func ranksOfEachNode() throws {
        let plan = try plan(cores: 8) {
            $0.ranksPerNode = 3
            $0.hostFile = "hosts"
            $0.hosts = [ClusterHost(name: "a", slots: 8), ClusterHost(name: "b", slots: 8)]
        }
        #expect(plan.ranks == 6 && plan.ranksOfHosts == [3, 3])
        #expect(plan.writtenHostFile == "a slots=3\nb slots=3\n")
        #expect(throws: AltaError.self) {
            try self.plan(cores: 8) {
                $0.ranks = 4
                $0.ranksPerNode = 3
            }
        }
    }

    @Test func countsOutOfRangeAreUsageErrors() {
        for ranks in [nil, 0, -1, 1 << 21] {
            let error = #expect(throws: AltaError.self) { try plan(cores: 2) { $0.ranks = ranks } }
            #expect(error?.exitCode == .usage)
        }
    }

    @Test func theEnvironmentHasThreadsAndTheFailureFolder() throws {
        let plan = try plan(cores: 4) {
            $0.ranks = 2
            $0.threadsPerRank = 2
        }
        let variables = Dictionary(
            uniqueKeysWithValues: plan.environment(failureFolder: "/f", progress: "lines").map { ($0.name, $0.value) })
        #expect(variables["OMP_NUM_THREADS"] == "2" && variables["ALTA_THREADS"] == "2")
        #expect(variables[FailureRecord.folderVariable] == "/f" && variables["ALTA_LAUNCHED"] == "1")
    }

    @Test func quotingSurvivesAShell() {
        #expect(shellQuoted(["a", "b c", "d'e", "", "$x", "k=v"]) == "a 'b c' 'd'\\''e' '' '$x' k=v")
    }
}
