import AltaCore
import AltaLaunch
import AltaTestSupport
import Testing

@Suite struct DebugOptionsTests {
    private func action(_ arguments: String...) throws -> DebugOptions.Action? {
        try DebugOptions(arguments: arguments + ["--", "align"])?.action
    }

    @Test func ranksAndHowADebuggerComesToThem() throws {
        let all = DebuggedRanks(use: .none, ranks: [0, 1, 2], count: 3)
        #expect(try action("-n", "3") == .processes(all))
        #expect(try action("-n", "3", "--wait") == .processes(DebuggedRanks(use: .wait, ranks: [0, 1, 2], count: 3)))
        // Who names ranks wants to reach them.
        #expect(try action("-n", "3", "--ranks", "2") == .processes(DebuggedRanks(use: .wait, ranks: [2], count: 3)))
        #expect(
            try action("-n", "9", "--ranks", "7,0-2,1", "--gdb")
                == .processes(DebuggedRanks(use: .gdb, ranks: [0, 1, 2, 7], count: 9)))
        #expect(
            try action("-n", "3", "--gdb", "--tmux")
                == .processes(DebuggedRanks(use: .panes, ranks: [0, 1, 2], count: 3)))
    }

    @Test func ranksThatAreThreads() throws {
        #expect(try action("-n", "3", "--threads") == .threads(.none))
        #expect(try action("-n", "3", "--threads", "--gdb") == .threads(.gdb))
        #expect(try action("-n", "3", "--threads", "--wait") == .threads(.wait))
    }

    /// Debugging is for this machine, whatever hosts a scheduler granted or Open MPI's standing host file names.
    @Test(.enabled(if: JobRunner.hasMpirun, "needs mpirun")) func aDryRunStaysOnThisMachine() throws {
        func run(_ environment: [String: String]) throws -> JobOutcome {
            try RunningJob.start(
                JobRunner.program("alta-launch"), ["debug", "-n", "2", "--dry-run", "--", "align"],
                environment: environment
            ).finish(limitSeconds: 30)
        }
        let slurm = try run(["SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_TASKS_PER_NODE": "2(x2)"])
        #expect(slurm.exitCode == 0, "\(slurm.errors)")
        #expect(
            slurm.output.contains("/ranks/hosts ") && slurm.output.contains(" --mca ras '^slurm' "), "\(slurm.output)")
        #expect(slurm.output.contains("/ranks/hosts will hold\nlocalhost slots=2\n"), "\(slurm.output)")
        let standing = try run(["OMPI_MCA_orte_default_hostfile": "/nowhere/hosts"])
        #expect(standing.output.contains(" --hostfile ") && standing.output.contains("\nlocalhost slots=2\n"))
        let task = try run([
            "SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2",
        ])
        #expect(task.exitCode == 2 && task.errorLines.count == 1 && task.errors.contains("once a task"))
    }

    @Test func runningJobs() throws {
        #expect(try DebugOptions(arguments: ["--dump", "run"])?.action == .dump(target: "run"))
        #expect(
            try DebugOptions(arguments: ["--attach", "12", "--ranks", "3"])?.action == .attach(target: "12", rank: 3))
        #expect(try DebugOptions(arguments: ["--help"]) == nil)
    }

    @Test func waiting() throws {
        #expect(try DebugOptions(arguments: ["-n", "1", "--", "align"])?.waitSeconds == 600)
        #expect(try DebugOptions(arguments: ["-n", "1", "--wait-seconds", "0", "--", "align"])?.waitSeconds == 0)
    }

    @Test(arguments: [
        ["--", "align"], ["-n", "0", "--", "align"], ["-n", "2", "--ranks", "2", "--", "align"],
        ["-n", "2", "--ranks", "1-0", "--", "align"], ["-n", "2", "--ranks", "0,", "--", "align"],
        ["-n", "2", "--ranks", "-1", "--", "align"], ["-n", "2", "--ranks", "a", "--", "align"],
        ["-n", "2", "--ranks", "0-1-2", "--", "align"], ["-n", "2", "--wait", "--gdb", "--", "align"],
        ["-n", "2", "--tmux", "--", "align"], ["-n", "2", "--threads", "--ranks", "1", "--", "align"],
        ["-n", "2", "--threads", "--gdb", "--tmux", "--", "align"], ["--dump", "run", "-n", "2"],
        ["--dump", "run", "--", "align"], ["--dump", "run", "--attach", "run", "--ranks", "0"],
        ["--dump", "run", "--ranks", "0"], ["--dump", "run", "--threads"], ["--attach", "run"],
        ["--attach", "run", "--ranks", "0,1"], ["--dump"], ["-n", "2", "--wait-seconds", "-1", "--", "align"],
        ["-n", "2", "--hosts", "hosts", "--", "align"],
    ])
    func wrongUsage(arguments: [String]) {
        let error = #expect(throws: AltaError.self) { try DebugOptions(arguments: arguments) }
        #expect(error?.exitCode == .usage)
    }

    @Test func reproducibleSumsUnlessSomethingIsSaid() throws {
        func arguments(_ given: String...) throws -> [String] {
            DebuggedRanks.deterministic(given, try WorkerInvocation(arguments: given))
        }
        #expect(try arguments("align", "c.json") == ["align", "c.json", "--set", "deterministic=true"])
        #expect(try arguments("pretrain", "c.json").count == 4)
        let said = ["align", "c.json", "--set", "deterministic=false"]
        #expect(try arguments("align", "c.json", "--set", "deterministic=false") == said)
        #expect(try arguments("evaluate", "c.json") == ["evaluate", "c.json"])
        #expect(try arguments("bench", "step") == ["bench", "step"])
    }
}
