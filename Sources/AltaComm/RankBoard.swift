import AltaCore
import Glibc
import Synchronization

/// What this rank is doing, kept where others can read it: its step and phase, the collective it is in, and the last
/// operations. Read back as `RankStatus`.
///
/// The words lie in a mapped file where there is a folder for it: publishing is a few stores, and what was published
/// outlives the process however that ends. One thread at a time publishes; any thread reads, and beats the heart.
public final class RankBoard: @unchecked Sendable {
    /// The file; nil: the board is memory of this process.
    public let path: String?
    /// Why there is no file though there is a folder for it.
    public let obstacle: AltaError?

    let memory: BoardMemory
    /// The ranks of every group that this rank is in, by the group's name.
    package let groups = Locked<[UInt64: [Int]]>([:])
    /// The collectives that the rank is in, the outermost first: waiting in shared memory goes on around others.
    private var underWay: [BoardOperation] = []
    private var operationCount: UInt64 = 0
    private var writtenCount: UInt64 = 0
    private var step = 0
    private var phase = RankStatusLayout.phase("start")

    init(memory: BoardMemory, path: String?, obstacle: AltaError?) {
        self.memory = memory
        self.path = path
        self.obstacle = obstacle
    }

    /// Tells who the rank is, as soon as it is known; each rank of a job has the same `job`. Not collective.
    public func identify(rank: Int, rankCount: Int, host: String, job: UInt64) {
        change {
            set(RankStatusLayout.versionWord, RankStatusLayout.version)
            set(RankStatusLayout.rankWord, UInt64(rank))
            set(RankStatusLayout.rankCountWord, UInt64(rankCount))
            set(RankStatusLayout.processWord, UInt64(getpid()))
            set(RankStatusLayout.jobWord, job)
            set(RankStatusLayout.copiedWord, memory.isCopied ? 1 : 0)
            for (index, word) in RankStatusLayout.words(host, count: RankStatusLayout.hostWordCount).enumerated() {
                set(RankStatusLayout.hostWord + index, word)
            }
            setPhase()
            set(RankStatusLayout.magicWord, RankStatusLayout.magic)
        }
    }

    /// Tells what the rank does now. Not collective.
    public func publish(phase text: String) {
        phase = RankStatusLayout.phase(text)
        change { setPhase() }
    }

    /// Tells the step at hand, from 1; nil: none yet. Not collective.
    public func publish(step: Int?) {
        self.step = step ?? 0
        change { set(RankStatusLayout.stepWord, UInt64(self.step)) }
    }

    /// Tells how many steps this process has completed. Not collective.
    public func publish(completedSteps: Int) {
        change { set(RankStatusLayout.completedStepsWord, UInt64(completedSteps)) }
    }

    /// Runs `body`, in which this rank starts MPI together with all others.
    public func joining<T>(_ body: () throws -> T) rethrows -> T {
        enter(CollectiveCall(kind: .join), group: 0, sequence: 0)
        defer { leave() }
        return try body()
    }

    /// Tells that the rank is about to enter a collective. Not collective.
    package func enter(_ call: CollectiveCall, group: UInt64, sequence: UInt64) {
        operationCount += 1
        let operation = BoardOperation(
            number: operationCount, call: call, group: group, sequence: sequence, began: Self.now(), step: UInt64(step),
            phase: (phase[0], phase[1]))
        underWay.append(operation)
        change(at: operation.began) {
            store(operation, at: ring(operation.number))
            store(operation, at: RankStatusLayout.operationWord)
            set(RankStatusLayout.operationCountWord, operationCount)
            set(RankStatusLayout.isInCollectiveWord, 1)
        }
    }

    /// Tells that the rank left the collective that it entered last. Not collective.
    package func leave() {
        guard let operation = underWay.popLast() else { return }
        let now = Self.now()
        let ended = now.bitPattern
        change(at: now) {
            // One that others followed may have lost its place in the ring.
            if operationCount - operation.number < UInt64(RankStatusLayout.ringCount) {
                set(ring(operation.number) + RankStatusLayout.Operation.ended, ended)
            }
            if let outer = underWay.last {
                store(outer, at: RankStatusLayout.operationWord)
            } else {
                set(RankStatusLayout.operationWord + RankStatusLayout.Operation.ended, ended)
                set(RankStatusLayout.isInCollectiveWord, 0)
            }
        }
    }

    /// Tells that the process runs. Not collective; any one thread.
    package func beat() {
        let count = memory.load(RankStatusLayout.heartbeatCountWord)
        set(RankStatusLayout.heartbeatSecondsWord, Self.now().bitPattern)
        set(RankStatusLayout.heartbeatCountWord, count + 1)
    }

    /// Tells that long work of this rank alone goes on: others that wait for it do not take it for stuck. Not collective;
    /// any thread, as often as it likes.
    public func noteProgress() { set(RankStatusLayout.progressSecondsWord, Self.now().bitPattern) }

    /// Whether other processes see the board only after `copyOut`.
    package var isCopied: Bool { memory.isCopied }

    /// Lets other hosts see the board; may wait for a file server. Not collective; any one thread.
    package func copyOut() { memory.copyOut() }

    /// What the board says now. Not collective; any thread.
    public func status() -> RankStatus? {
        var words = memory.words()
        for _ in 0..<64 where !RankStatus.isWhole(words) { words = memory.words() }
        return RankStatus(words: words)
    }

    // MARK: Words

    private func change(at seconds: Double = now(), _ body: () -> Void) {
        writtenCount += 1
        set(RankStatusLayout.writingWord, writtenCount)
        atomicMemoryFence(ordering: .releasing)
        body()
        set(RankStatusLayout.sinceWord, seconds.bitPattern)
        memory.release(RankStatusLayout.writtenWord, writtenCount)
    }

    private func set(_ word: Int, _ value: UInt64) { memory.store(word, value) }

    private func setPhase() {
        for index in 0..<RankStatusLayout.phaseWordCount { set(RankStatusLayout.phaseWord + index, phase[index]) }
    }

    private func store(_ operation: BoardOperation, at first: Int) {
        operation.store { set(first + $0, $1) }
    }

    private func ring(_ number: UInt64) -> Int {
        let entry = Int((number - 1) % UInt64(RankStatusLayout.ringCount))
        return RankStatusLayout.ringWord + entry * RankStatusLayout.Operation.wordCount
    }

    /// Seconds since 1970; answered without a system call.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
