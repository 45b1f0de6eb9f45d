import AltaCore
import AltaLaunch
import Testing

@Suite struct HostCheckTests {
    private func check(_ world: FakeWorld, _ hosts: [String], wait: Double = 30) throws -> HostChecks.Found {
        try HostChecks(
            plan: try FakeWorld.plan(hosts, ranks: max(hosts.count, 1)), mpirun: "/bin/mpirun", probes: world.probes,
            waitSeconds: wait
        ).run()
    }

    /// The hosts that one start of mpirun was for.
    private func hosts(_ arguments: [String]) -> [String] {
        guard let index = arguments.firstIndex(of: "--host") else { return [] }
        return arguments[index + 1].split(separator: ",").map(String.init)
    }

    @Test func retriesComeLaterAndLaterUntilTheTimeIsOver() throws {
        let world = FakeWorld()
        var attempts = 0
        let missing = try Retry(limitSeconds: 20).until(world.probes) {
            attempts += 1
            return ["x"]
        } waiting: { _, _ in
        }
        #expect(missing == ["x"])
        #expect(world.pauses == [0.5, 1, 2, 4, 8, 4.5] && attempts == 7)
    }

    @Test func whatIsThereIsNotWaitedFor() throws {
        let world = FakeWorld()
        let missing = try Retry(limitSeconds: 0).until(world.probes, { [Int]() }, waiting: { _, _ in })
        #expect(missing.isEmpty && world.pauses.isEmpty)
    }

    @Test func podsThatAppearLateAreWaitedFor() throws {
        let world = FakeWorld()
        world.knownFrom = ["node1": 0, "node2": 5]
        let found = try check(world, ["node1", "node2"])
        #expect(found.isReady && found.findings.map(\.verdict) == [.ok, .ok])
        #expect(world.told.first == "waiting for host names: node2 not known yet (0 of 30 s)")
        #expect(world.pauses == [0.5, 1, 2, 4])
    }

    @Test func aNameThatNeverComesMayPass() throws {
        let world = FakeWorld()
        world.knownFrom = ["node1": 0]
        let found = try check(world, ["node1", "node2"], wait: 3)
        #expect(!found.isReady && world.second == 3 && world.runs.isEmpty)
        #expect(found.findings[0].line.contains("host names: node2 still not known after 3 s"))
        #expect(found.findings.exitCode == .stoppedEarly)
    }

    @Test func theHostsThatDoNotAnswerAreNamed() throws {
        let world = FakeWorld()
        let names = (0..<64).map { "n\($0)" }
        for name in names { world.knownFrom[name] = 0 }
        world.program = { arguments, _ in
            let bad = self.hosts(arguments).filter { ["n7", "n40"].contains($0) }
            return .init(status: bad.isEmpty ? 0 : 1, lines: bad.map { "ssh: connect to host \($0) port 22: No route" })
        }
        let found = try check(world, names, wait: 0)
        #expect(!found.isReady && found.findings.exitCode == .stoppedEarly)
        let agent = found.findings.dropFirst().map(\.finding)
        try #require(agent.count == 2)
        #expect(agent[0].hasPrefix("no program starts on n7: ssh: connect to host n7"))
        #expect(agent[1].hasPrefix("no program starts on n40: "))
        // Once together, then each by itself.
        #expect(world.runs.map { self.hosts($0).count } == [64] + names.map { _ in 1 })
    }

    @Test func anAgentThatComesUpLateIsWaitedFor() throws {
        let world = FakeWorld()
        world.knownFrom = ["a": 0, "b": 0]
        world.program = { _, second in .init(status: second < 3 ? 1 : 0, lines: ["ssh: connection refused"]) }
        let found = try check(world, ["a", "b"])
        #expect(found.isReady && world.told.count == 3)
        #expect(world.told.allSatisfy { $0.contains("launch agent: a, b does not start a program yet") })
    }

    @Test(arguments: [
        ("node1: Permission denied (publickey).", "ssh keys"), ("Host key verification failed.", "known_hosts"),
        ("bash: orted: command not found", "same Open MPI"),
    ])
    func whatWaitingDoesNotMendIsTold(said: String, remedy: String) throws {
        let world = FakeWorld()
        world.knownFrom = ["node1": 0]
        world.program = { _, _ in .init(status: 1, lines: ["----", said]) }
        let found = try check(world, ["node1"], wait: 0)
        #expect(found.findings[1].remedy?.contains(remedy) == true && found.findings.exitCode == .failed)
    }

    @Test func anAgentThatHangsIsTold() throws {
        let world = FakeWorld()
        world.knownFrom = ["node1": 0]
        world.program = { _, _ in .init(status: nil, lines: []) }
        let found = try check(world, ["node1"], wait: 0)
        #expect(found.findings[1].finding.contains("no answer within 15 s"))
    }

    @Test func anAgentOfItsOwnMayKnowHostsWithoutNames() throws {
        let world = FakeWorld()
        world.environment["OMPI_MCA_plm_rsh_agent"] = "/etc/mpi/exec.sh"
        let found = try check(world, ["pod1", "pod2"])
        #expect(found.isReady && world.pauses.isEmpty && found.findings.map(\.verdict) == [.note, .ok])
        world.program = { _, _ in .init(status: 1, lines: ["no pod"]) }
        #expect(try !check(world, ["pod1", "pod2"], wait: 2).isReady)
        #expect(world.pauses == [0.5, 1, 0.5])
    }

    /// A host that answers under other parameters than the job's says nothing of the job.
    @Test func hostsAreAskedAsTheJobStartsRanks() throws {
        var request = LaunchRequest(ranks: 4)
        request.hosts = ["a", "b"].map { ClusterHost(name: $0, grantedCores: 2, scheduledTasks: 1) }
        request.scheduler = .pbs
        request.parameters = [MPIParameter(name: "plm_rsh_agent", value: "/bin/agent")]
        request.mpirunOptions = ["--prefix", "/opt/mpi"]
        let plan = try LaunchPlan(
            machine: MachineDescription(hostName: "here", coreCount: 4, isRoot: false), request: request)
        let line = plan.probeArguments(mpirun: "m", hosts: ["b"], program: ["true"]).joined(separator: " ")
        #expect(line.hasPrefix("m --host b -n 1 --mca ras ^tm --mca plm ^tm "), "\(line)")
        #expect(line.hasSuffix(" --mca plm_rsh_agent /bin/agent --prefix /opt/mpi --bind-to none true"), "\(line)")
        #expect(!line.contains("state_base_verbose"))
        let both = plan.probeArguments(mpirun: "m", hosts: ["a", "b"], program: ["true"]).joined(separator: " ")
        #expect(both.hasPrefix("m --host a,b -n 2 ") && both.contains(" --map-by ppr:1:node "))
    }

    @Test func oneMachineIsStartedOnWithoutNames() throws {
        let world = FakeWorld()
        let found = try check(world, [])
        #expect(found.isReady && found.findings.count == 2)
        #expect(world.runs == [["/bin/mpirun", "--allow-run-as-root", "-n", "1", "--bind-to", "none", "hostname"]])
    }
}
