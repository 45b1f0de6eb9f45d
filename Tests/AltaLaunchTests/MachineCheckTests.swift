import AltaCore
import AltaLaunch
import Testing

@Suite struct MachineCheckTests {
    @Test(arguments: [
        (["mpirun (Open MPI) 4.1.4", "Report bugs"], CheckFinding.Verdict.ok),
        (["mpirun.openmpi (OpenRTE) 4.1.4"], .ok), (["mpirun (Open MPI) 5.0.3"], .note),
        (["mpirun (Open MPI) 4.0.7"], .note), (["HYDRA build details:", "    Version: 4.0.2"], .failed),
        (["Intel(R) MPI Library for Linux* OS"], .failed), (["prterun (PRRTE) 3.0.5"], .note), ([], .note),
    ])
    func versionsOfMpirun(lines: [String], verdict: CheckFinding.Verdict) {
        let finding = ProgramChecks.judge(lines, path: "/bin/mpirun")
        #expect(finding.verdict == verdict && finding.finding.contains("/bin/mpirun"), "\(finding.line)")
        #expect((finding.remedy != nil) == (verdict != .ok))
    }

    @Test func mpirunThatIsMissingOrBrokenFails() throws {
        let world = FakeWorld()
        #expect(try ProgramChecks.mpirun(nil, world.probes).verdict == .failed)
        world.program = { _, _ in .init(status: 127, lines: ["mpirun (Open MPI) 4.1.4"]) }
        #expect(try ProgramChecks.mpirun("/bin/mpirun", world.probes).verdict == .failed)
        #expect(world.runs == [["/bin/mpirun", "--version"]])
        world.startError = AltaError("cannot start mpirun")
        #expect(try ProgramChecks.mpirun("/bin/mpirun", world.probes).verdict == .failed)
        // Who is told to stop says nothing of mpirun.
        world.startError = AltaError("stopped by SIGINT", exitCode: .stoppedEarly)
        #expect(throws: AltaError.self) { try ProgramChecks.mpirun("/bin/mpirun", world.probes) }
    }

    @Test func moreThreadsThanCoresAreTold() throws {
        #expect(ProgramChecks.slots(try FakeWorld.plan(["a", "b"], ranks: 8)).verdict == .ok)
        let crowded = ProgramChecks.slots(try FakeWorld.plan(["a", "b"], ranks: 10))
        #expect(crowded.line.hasPrefix("note slots: 5 threads on the 4 cores of a and 1 more host(s)"))
    }

    @Test func aLowLimitOfOpenFilesFails() throws {
        let world = FakeWorld()
        let plan = try FakeWorld.plan(["a", "b"], ranks: 8)
        #expect(LimitChecks.openFiles(plan, world.probes).finding == "no limit")
        world.limits[.openFiles] = 152
        #expect(LimitChecks.openFiles(plan, world.probes).verdict == .ok)
        world.limits[.openFiles] = 151
        let finding = LimitChecks.openFiles(plan, world.probes)
        #expect(finding.verdict == .failed && finding.remedy?.contains("ulimit -n 4096") == true)
    }

    @Test func lockedMemoryMattersToInfiniBandAlone() {
        let world = FakeWorld()
        #expect(LimitChecks.lockedMemory(hasFabric: true, world.probes).verdict == .ok)
        world.limits[.lockedBytes] = 65536
        #expect(LimitChecks.lockedMemory(hasFabric: false, world.probes).verdict == .ok)
        #expect(LimitChecks.lockedMemory(hasFabric: true, world.probes).line.hasPrefix("note locked memory: 64 KiB"))
        // An eighth of a large machine's memory, as systemd grants it.
        world.limits[.lockedBytes] = 1 << 33
        #expect(LimitChecks.lockedMemory(hasFabric: true, world.probes).verdict == .ok)
    }

    @Test func theTightestMemoryLimitCounts() throws {
        let world = FakeWorld()
        world.files = [
            "/proc/self/cgroup": "0::/pod/box\n", "/sys/fs/cgroup/pod/box/memory.max": "max\n",
            "/sys/fs/cgroup/pod/memory.max": "8589934592\n", "/sys/fs/cgroup/memory.max": "17179869184\n",
        ]
        #expect(LimitChecks.memoryLimit(world.probes) == 8 << 30)
        #expect(
            LimitChecks.memoryGroup(try FakeWorld.plan(["a"], ranks: 4), world.probes).finding
                == "a control group allows 8192 MiB here, 2.0 GiB for each of 4 rank(s)")
        world.files = [
            "/proc/self/cgroup": "5:cpu,memory:/job\n",
            "/sys/fs/cgroup/cpu,memory/job/memory.limit_in_bytes": "1048576\n",
            "/sys/fs/cgroup/cpu,memory/memory.limit_in_bytes": "9223372036854771712\n",
        ]
        #expect(LimitChecks.memoryLimit(world.probes) == 1 << 20)
    }

    @Test func numbersAreRoundedAsPeopleDo() {
        #expect([0.05, 1.25, -2.349, 12].map { $0.fixed(1) } == ["0.1", "1.3", "-2.3", "12.0"])
        #expect(2.5.fixed(0) == "3" && (-0.01).fixed(1) == "0.0")
    }

    // MARK: Fast networks

    private static let debian = """
        # btl = self
        btl_base_warn_component_unused=0
        mtl = ^ofi
        pml = ^ucx   # switched off
        """
    private static let settings = "/etc/openmpi/openmpi-mca-params.conf"

    @Test func aFastNetworkThatDebianSwitchesOffIsNoted() {
        let world = FakeWorld()
        world.files[Self.settings] = Self.debian
        #expect(FabricCheck.judge(world.probes).verdict == .ok)
        world.files["/sys/class/net/eth0/speed"] = "10000\n"
        world.files["/sys/class/net/lo/speed"] = "-1\n"
        #expect(FabricCheck.judge(world.probes).verdict == .ok)
        world.files["/sys/class/net/eth1/speed"] = "25000\n"
        let finding = FabricCheck.judge(world.probes)
        let start = "note fast network: fast network left unused: eth1 (25 Gbit/s), while \(Self.settings)"
        #expect(finding.line.hasPrefix(start))
        #expect(finding.remedy?.contains("OMPI_MCA_pml=ucx") == true)
    }

    @Test func onlyAnActivePortCounts() {
        let world = FakeWorld()
        world.files[Self.settings] = Self.debian
        world.files["/sys/class/infiniband/mlx5_0/ports/1/state"] = "1: DOWN\n"
        #expect(FabricCheck.networks(world.probes).fabrics.isEmpty)
        world.files["/sys/class/infiniband/mlx5_0/ports/2/state"] = "4: ACTIVE\n"
        #expect(FabricCheck.judge(world.probes).finding.contains("left unused: mlx5_0"))
    }

    @Test func laterSettingsWin() {
        let world = FakeWorld()
        world.files[Self.settings] = Self.debian
        world.files["/sys/class/net/ib0/speed"] = "100000"
        world.environment = ["OMPI_MCA_pml": "ucx"]
        #expect(FabricCheck.judge(world.probes).finding == "ib0 (100 Gbit/s); Open MPI may use UCX")
        world.environment = ["HOME": "/home/u"]
        world.files["/home/u/.openmpi/mca-params.conf"] = "mtl=ofi\n"
        #expect(FabricCheck.judge(world.probes).finding == "ib0 (100 Gbit/s); Open MPI may use OFI")
        world.environment["OMPI_MCA_mtl"] = "psm2"
        #expect(OpenMPISettings.read(world.probes).excludes("ofi", in: "mtl"))
        #expect(FabricCheck.judge(world.probes).finding.contains("while \(Self.settings), OMPI_MCA_mtl"))
    }
}
