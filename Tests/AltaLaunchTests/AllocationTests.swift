import AltaCore
import AltaLaunch
import Testing

@Suite struct AllocationTests {
    private func hosts(_ environment: [String: String], files: [String: String] = [:]) throws -> [ClusterHost]? {
        try Allocation.find(environment: environment) { files[$0] }?.hosts
    }

    private func slurm(_ more: [String: String]) -> [String: String] {
        ["SLURM_JOB_ID": "77", "SLURM_JOB_NODELIST": "h[08-10]"].merging(more) { $1 }
    }

    @Test(arguments: [
        ("h1", ["h1"]), ("h[08-10,12],login1", ["h08", "h09", "h10", "h12", "login1"]),
        ("h[9-11]", ["h9", "h10", "h11"]),
        ("r[1-2]n[01-02]", ["r1n01", "r1n02", "r2n01", "r2n02"]),
        ("n[1-2].site.org,b", ["n1.site.org", "n2.site.org", "b"]),
        ("h[007]x", ["h007x"]),
    ])
    func slurmNamesHosts(list: String, names: [String]) throws {
        let found = try hosts(["SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": list])
        #expect(found?.map(\.name) == names)
    }

    @Test(arguments: [
        "h[", "h]", "h[2-1]", "h[a-b]", "h[1-]", "h[]", "h[1-99999999]", "r[1-999]n[1-999]", "h[-1]", "h[+1]", ",",
        "h[99999999999999999999]",
    ])
    func whatNamesNoHostsIsRefused(list: String) {
        let error = #expect(throws: AltaError.self) { try hosts(["SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": list]) }
        #expect(error?.description.contains("SLURM_JOB_NODELIST") == true)
    }

    @Test func slurmCountsCoresAndTasks() throws {
        let counted = try hosts(slurm(["SLURM_TASKS_PER_NODE": "4(x2),2", "SLURM_JOB_CPUS_PER_NODE": "16(x2),8"]))
        #expect(counted?.map(\.grantedCores) == [16, 16, 8] && counted?.map(\.scheduledTasks) == [4, 4, 2])
        let multiplied = try hosts(slurm(["SLURM_TASKS_PER_NODE": "4(x2),2", "SLURM_CPUS_PER_TASK": "2"]))
        #expect(multiplied?.map(\.grantedCores) == [8, 8, 4])
        #expect(try hosts(slurm([:]))?.map(\.grantedCores) == [nil, nil, nil])
    }

    @Test(arguments: ["4(x2)", "4(x4)", "4,4,4,4", "four", "4(y3)", "4(x3", "0(x3)", "-1(x3)", "4(x99999999)", "4,,4"])
    func countsThatDoNotFitAreRefused(text: String) {
        let error = #expect(throws: AltaError.self) { try hosts(slurm(["SLURM_TASKS_PER_NODE": text])) }
        #expect(error?.description.contains("SLURM_TASKS_PER_NODE") == true)
    }

    /// As sbatch and srun set them, by what the job was asked for with.
    @Test(arguments: [
        (["SLURM_NTASKS": "8", "SLURM_NPROCS": "8", "SLURM_CPUS_PER_TASK": "4"], 8, 4),
        (["SLURM_NTASKS_PER_NODE": "4"], 12, nil),
        (["SLURM_TASKS_PER_NODE": "16(x3)"], nil, nil), (["SLURM_CPUS_PER_TASK": "4"], nil, 4),
        // The shell of srun --pty is a task of its own step.
        (["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "1"], nil, nil),
    ])
    func onlyTasksThatWereAskedForCount(environment: [String: String], count: Int?, each: Int?) throws {
        let found = try Allocation.find(environment: slurm(environment)) { _ in nil }
        #expect(found?.tasks.count == count && found?.tasks.processorsEach == each)
    }

    @Test func aNumberOfTasksThatIsNoneIsRefused() {
        let error = #expect(throws: AltaError.self) { try hosts(slurm(["SLURM_NTASKS": "many"])) }
        #expect(error?.description.contains("SLURM_NTASKS") == true)
    }

    @Test func pbsHasALineASlot() throws {
        let files = ["/var/nodes": "a\na\nb\nb\n"]
        let lines = try hosts(["PBS_NODEFILE": "/var/nodes"], files: files)
        #expect(lines?.map(\.name) == ["a", "b"] && lines?.map(\.grantedCores) == [2, 2])
        let chunks = try hosts(["PBS_NODEFILE": "/var/nodes", "NCPUS": "16"], files: files)
        #expect(chunks?.map(\.grantedCores) == [16, 16] && chunks?.map(\.scheduledTasks) == [2, 2])
        #expect(throws: AltaError.self) { try hosts(["PBS_NODEFILE": "/var/none"]) }
        #expect(throws: AltaError.self) { try hosts(["PBS_NODEFILE": "/empty"], files: ["/empty": "\n"]) }
    }

    @Test func noSchedulerNoAllocation() throws {
        #expect(try hosts([:]) == nil)
        #expect(try hosts(["SLURM_JOB_ID": "7"]) == nil)
    }

    @Test(arguments: [
        (["SLURM_PROCID": "3", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "4"], false),
        (["SLURM_PROCID": "0", "SLURM_STEP_ID": "2", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "1"], false),
        // A batch script has a task number and may ask for many tasks; srun --pty starts one.
        (["SLURM_PROCID": "0", "SLURM_NTASKS": "4"], true),
        (["SLURM_PROCID": "0", "SLURM_STEP_ID": "4294967291", "SLURM_NTASKS": "4"], true),
        (["SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "4"], true),
        (["OMPI_COMM_WORLD_SIZE": "2"], false), ([:], true),
    ])
    func aLauncherForEachTaskIsRefused(environment: [String: String], isFine: Bool) {
        var refusal: AltaError?
        do { try Allocation.checkStartedOnce(environment: environment) } catch { refusal = error }
        #expect((refusal == nil) == isFine)
        #expect(isFine || (refusal?.exitCode == .usage && refusal?.description.contains("PMIx") == true))
    }
}
