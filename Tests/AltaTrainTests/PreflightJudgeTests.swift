import AltaCore
import AltaTrain
import Testing

/// What a preflight makes of facts: thresholds, and what ranks of one host have in common.
@Suite struct PreflightJudgeTests {
    private func reports<Facts: Codable>(_ facts: [Facts], hosts: [String]) -> RankReports<Facts> {
        RankReports(hosts: hosts, facts: facts, errors: facts.map { _ in nil })
    }

    private func machines(_ count: Int, _ change: (Int, inout MachineFacts) -> Void) -> [MachineFacts] {
        (0..<count).map { rank in
            var facts = MachineFacts()
            facts.program = "p"
            facts.library = "Open MPI v4.1.4, package"
            facts.kernels = "bf16; oneDNN 2.6.3 isa 9; packed 1"
            facts.coreCount = 4
            facts.cores = [rank % 4]
            facts.physicalCores = [[rank % 4]]
            change(rank, &facts)
            return facts
        }
    }

    // MARK: Versions

    @Test func oneProgramEverywhereIsFine() {
        let found = VersionCheck.judge(
            reports(machines(3) { _, _ in }, hosts: ["a", "a", "b"]), needsEqualKernels: true)
        #expect(found.map(\.verdict) == [.ok] && found[0].finding.contains("the same on all 3 ranks"))
    }

    @Test func otherProgramsAndLibrariesAreNamed() {
        let found = VersionCheck.judge(
            reports(
                machines(4) { rank, facts in
                    if rank >= 2 { facts.program = "q" }
                    if rank == 3 { facts.library = "Open MPI v5.0.1, package" }
                }, hosts: ["a", "a", "b", "c"]), needsEqualKernels: false)
        #expect(found.map(\.verdict) == [.failed, .failed])
        #expect(found[0].finding == "rank 2 on b, rank 3 on c: another alta-worker than rank 0's")
        #expect(found[1].finding == "Open MPI v5.0.1 on rank 3 on c, Open MPI v4.1.4 on rank 0")
    }

    @Test(arguments: [true, false]) func otherKernelsFailWhereBitsAreAskedFor(asked: Bool) {
        let facts = machines(2) { rank, facts in
            if rank == 1 { facts.kernels = "bf16; oneDNN 3.4.0 isa 9; packed 1" }
        }
        let found = VersionCheck.judge(reports(facts, hosts: ["a", "b"]), needsEqualKernels: asked)
        #expect(found.map(\.verdict) == [asked ? .failed : .note])
        #expect(found[0].finding.contains("oneDNN 3.4.0 isa 9, rank 0 oneDNN 2.6.3 isa 9"))
    }

    // MARK: Cores

    @Test func aCoreForEachThreadIsFine() {
        let bound = CoreCheck.judge(reports(machines(4) { _, _ in }, hosts: ["a", "a", "a", "a"]))
        #expect(bound.map(\.verdict) == [.ok] && bound[0].finding.contains("rank 3 on 3"))
        let unbound = machines(2) { _, facts in
            facts.cores = [0, 1, 2, 3]
            facts.physicalCores = [[0], [1], [2], [3]]
            facts.threads = 2
        }
        let found = CoreCheck.judge(reports(unbound, hosts: ["a", "a"]))
        #expect(found.map(\.verdict) == [.ok] && found[0].finding.contains("all of ranks 0-1 on 0-3"))
    }

    @Test func twoRanksOnOneCoreOfSeveralFail() {
        let facts = machines(2) { _, facts in
            facts.cores = [1]
            facts.physicalCores = [[1]]
        }
        let found = CoreCheck.judge(reports(facts, hosts: ["a", "a"]))
        #expect(found.map(\.verdict) == [.failed])
        #expect(found[0].finding.hasPrefix("rank 1 on a must share core 1 with other ranks"))
        #expect(CoreCheck.judge(reports(facts, hosts: ["a", "b"])).map(\.verdict) == [.ok])
    }

    @Test func siblingsOfACoreAreOneCore() {
        let facts = machines(2) { rank, facts in
            facts.cores = [rank]
            facts.physicalCores = [[0]]
        }
        #expect(CoreCheck.judge(reports(facts, hosts: ["a", "a"])).map(\.verdict) == [.failed])
    }

    @Test func fewerCoresThanThreadsFail() {
        let facts = machines(2) { _, facts in facts.threads = 2 }
        let found = CoreCheck.judge(reports(facts, hosts: ["a", "b"]))
        #expect(found.map(\.verdict) == [.failed, .failed])
        #expect(found[1].finding == "rank 1 on b may use core 1 for 2 threads")
    }

    @Test func moreThreadsThanTheMachineHasAreNoted() {
        let found = CoreCheck.judge(reports(machines(6) { _, _ in }, hosts: Array(repeating: "a", count: 6)))
        #expect(found.map(\.verdict) == [.note] && found[0].finding.hasPrefix("6 threads on the 4 cores of a"))
        let limited = machines(2) { _, facts in facts.coreQuota = 1 }
        let granted = CoreCheck.judge(reports(limited, hosts: ["a", "a"]))[0]
        #expect(granted.finding.contains("grants the time of 1.0 cores"))
    }

    /// A rank that came first may have to move.
    @Test func coresAreDealtAsWellAsCanBe() {
        var matching = CoreMatching()
        #expect(matching.add(cores: [0, 1]) && matching.add(cores: [0]) && matching.add(cores: [1, 2]))
        #expect(!matching.add(cores: [0, 1]) && matching.add(cores: [3]))
    }

    @Test func oddThreadsAreNoted() {
        let different = machines(2) { rank, facts in facts.threads = rank + 1 }
        let hosts = ["a", "b"]
        let uneven = ThreadCheck.judge(reports(different, hosts: hosts))[0]
        #expect(uneven.finding.hasPrefix("2 threads on rank 1 on b"))
        let variable = machines(2) { rank, facts in facts.threadVariable = rank == 1 ? "8" : "1" }
        let odd = ThreadCheck.judge(reports(variable, hosts: hosts))[0]
        #expect(odd.finding.hasPrefix("OMP_NUM_THREADS is 8 for rank 1"))
        #expect(ThreadCheck.judge(reports(machines(2) { _, _ in }, hosts: hosts)).map(\.verdict) == [.ok])
    }

    @Test func fewOpenFilesFail() {
        let facts = machines(2) { rank, facts in facts.openFiles = rank == 0 ? 260 : 259 }
        let found = FileLimitCheck.judge(reports(facts, hosts: ["a", "b"]))
        #expect(found.map(\.verdict) == [.failed] && found[0].finding.hasPrefix("259 for rank 1 on b, of which"))
    }

    // MARK: Memory

    private let need = MemoryNeed(weightBytes: 800, studyBytes: 100, studies: 2, sharedBytes: { Double($0) * 50 })

    @Test func memoryMustTakeWeightsAndStudies() {
        func verdict(_ available: [Int]) -> CheckFinding {
            MemoryCheck.judge(available, hosts: ["a", "b"], limits: [nil, 4096], need: need)[0]
        }
        #expect(verdict([1000, 1000]).verdict == .ok)
        #expect(verdict([1000, 999]).verdict == .failed)
        #expect(verdict([1000, 999]).finding.contains("for rank 1 on b"))
        #expect(MemoryCheck.judge([1, 1], hosts: ["a", "b"], limits: [nil, nil], need: nil)[0].verdict == .ok)
    }

    /// Rank 0 alone keeps the copy that checkpoints are written from.
    @Test func memoryMustTakeTheCopyOfRankZero() {
        let need = MemoryNeed(weightBytes: 800, copyBytes: 50, studyBytes: 100, studies: 2, sharedBytes: { _ in 0 })
        func verdict(_ available: [Int]) -> CheckFinding {
            MemoryCheck.judge(available, hosts: ["a", "b"], limits: [nil, nil], need: need)[0]
        }
        #expect(verdict([1050, 1000]).verdict == .ok)
        #expect(verdict([1049, 1000]).verdict == .failed)
        #expect(verdict([1049, 1000]).finding.contains("for rank 0 on a"))
    }

    @Test func aSmallSharedMemoryIsNotedWithItsHost() {
        func found(_ free: Int, need: MemoryNeed?) -> CheckFinding {
            let facts = machines(3) { rank, facts in
                facts.sharedFolder = "/dev/shm"
                facts.sharedFreeBytes = rank == 2 ? 1 << 40 : free
            }
            return SharedMemoryCheck.judge(reports(facts, hosts: ["a", "a", "b"]), need: need)[0]
        }
        #expect(found(100, need: need).verdict == .ok)
        #expect(found(99, need: need).verdict == .note && found(99, need: need).finding.contains("of a, of"))
        #expect(found(64 << 20, need: nil).verdict == .note && found(128 << 20, need: nil).verdict == .ok)
    }

    @Test func hinderedCopiesAreNoted() {
        let hosts = ["a", "a", "b"]
        #expect(CopyCheck.judge(["", "", ""], hosts: hosts, scopes: [nil, nil, nil])[0].verdict == .ok)
        let yama = CopyCheck.judge(["denied", "denied", ""], hosts: hosts, scopes: ["1", "1", nil])[0]
        #expect(yama.verdict == .note && yama.finding.contains("ptrace_scope is 1"))
        #expect(yama.finding.contains("ranks 0-1 on a"))
        #expect(yama.remedy?.contains("kernel.yama.ptrace_scope=0") == true)
        let container = CopyCheck.judge(["denied", "", ""], hosts: hosts, scopes: ["0", nil, nil])[0]
        #expect(container.remedy?.contains("SYS_PTRACE") == true && !container.finding.contains("ptrace_scope"))
    }

    // MARK: Speed

    private func speed(_ rates: [(Double, Double)], _ hosts: [String]) -> [CheckFinding] {
        SpeedCheck.judge(reports(rates.map { SpeedCheck.Rate(sustained: $0.0, best: $0.1) }, hosts: hosts))
    }

    @Test func slowRanksAreFoldedByHost() {
        let even = speed([(100, 110), (80, 110), (100, 110)], ["a", "a", "b"])
        #expect(even.map(\.verdict) == [.ok])
        let found = speed(
            [(100, 110), (100, 110), (100, 110), (79, 80), (60, 62), (79, 120)], ["a", "a", "b", "c", "c", "b"])
        #expect(found.map(\.verdict) == [.note, .note])
        #expect(found[0].finding.hasPrefix("ranks 3-4 on c: matrix products at 0.60 to 0.79 of the median rank's 100"))
        #expect(found[0].remedy?.contains("power limit") == true)
        #expect(found[1].finding.hasPrefix("rank 5 on b") && found[1].remedy?.contains("something else uses") == true)
    }

    /// Of two ranks the faster one is what the other is held against.
    @Test func theSlowerOfTwoIsFound() {
        #expect(speed([(100, 100), (79, 80)], ["a", "a"]).map(\.verdict) == [.note])
        #expect(speed([(100, 100), (81, 82)], ["a", "a"]).map(\.verdict) == [.ok])
    }
}
