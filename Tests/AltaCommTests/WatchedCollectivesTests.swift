import AltaComm
import AltaCore
import Foundation
import Synchronization
import Testing

/// What ranks tell about their collectives, and what becomes of it when one does not come. Ranks are threads.
@Suite struct WatchedCollectivesTests {
    /// What each rank's board says after `body`.
    private static func statuses(
        _ rankCount: Int, _ body: @escaping @Sendable (WatchedCollectives) throws -> Void
    ) throws -> [RankStatus] {
        try ThreadCollectives.run(rankCount: rankCount) { base in
            let board = try RankBoard.inMemory(rank: base.rank, rankCount: rankCount)
            try body(WatchedCollectives(base, board: board))
            guard let status = board.status() else { throw AltaError("no status") }
            return status
        }
    }

    @Test(arguments: [1, 3]) func everyOperationIsTold(rankCount: Int) throws {
        let statuses = try Self.statuses(rankCount) { ranks in
            let counts = Array(repeating: 2, count: rankCount)
            try ranks.barrier()
            _ = try ranks.broadcast([1.5] as [Float], from: 0)
            _ = try ranks.allReduce(Int64(1), .maximum)
            _ = try ranks.allGather([Int32(1), 2], counts: counts)
            _ = try ranks.reduceScatter([Double](repeating: 1, count: 2 * rankCount), counts: counts)
            var bytes: [UInt8] = [1, 2, 3]
            try bytes.withUnsafeMutableBufferPointer { try ranks.startAllReduce($0, .sum).wait() }
            _ = try ranks.shareMemory(byteCount: 8)
            try ranks.leaving {}
        }
        let expected = [
            "barrier", "broadcast of 1 int64 from rank 0", "broadcast of 1 float from rank 0",
            "all-reduce (maximum) of 1 int64", "all-gather of \(2 * rankCount) int32",
            "reduce-scatter of \(2 * rankCount) double", "start of an all-reduce (sum) of 3 uint8",
            "end of an all-reduce (sum) of 3 uint8", "reservation of shared memory", "end of MPI",
        ]
        for status in statuses {
            #expect(status.operations.map(\.call) == expected)
            // The end of an all-reduce has the place of its start.
            #expect(status.operations.map(\.sequence) == [1, 2, 3, 4, 5, 6, 7, 7, 8, 9])
            #expect(status.operations.allSatisfy { $0.group == 0 && $0.ended != nil })
            #expect(!status.isInCollective)
        }
        #expect(Set(statuses.map { $0.operations[4].countsHash }).count == 1)
        #expect(statuses[0].operations[4].countsHash != 0)
    }

    @Test func groupsAreNamedAlikeByTheirMembersAndByNobodyElse() throws {
        let statuses = try Self.statuses(4) { ranks in
            let pair = try ranks.split(color: ranks.rank % 2)
            try pair.barrier()
            let again = try ranks.split(color: ranks.rank % 2)
            try again.splitByMemory().barrier()
        }
        let groups = statuses.map { status in status.operations.filter { $0.group != 0 }.map(\.group) }
        #expect(groups.allSatisfy { Set($0).count == 3 })
        #expect(groups[0] == groups[2] && groups[1] == groups[3])
        #expect(Set(groups[0]).isDisjoint(with: groups[1]))
    }

    @Test func anErrorLeavesTheCollective() throws {
        let statuses = try Self.statuses(1) { ranks in
            #expect(throws: AltaError.self) { _ = try ranks.broadcast([Int64(1)], from: 5) }
        }
        #expect(statuses[0].isInCollective == false)
    }

    /// Rank 1 computes for ever: the others' watchdogs say so, and the job ends. Each fault is where the others wait.
    @Test(arguments: [
        "all-reduce (sum) of 1 int64", "exchange in shared memory", "end of an all-reduce (sum) of 1 int64",
    ])
    func aRankThatDoesNotComeIsNamed(call: String) throws {
        let boards = BoardStatuses()
        let found = Mutex<[(rank: Int, stall: Stall)]>([])
        let isOver = Atomic<Bool>(false)
        let began = ContinuousClock.now
        #expect(throws: AltaError.self) {
            _ = try ThreadCollectives.run(rankCount: 3) { base in
                let rank = base.rank
                let board = try RankBoard.inMemory(rank: rank, rankCount: 3, host: "here")
                boards.add(board, rank: base.rank)
                // A thread that gets no processor for half of that would count as stopped.
                let watchdog = Watchdog.start(
                    board: board, statuses: boards, settings: Watchdog.Settings(stallSeconds: 6)
                ) { stall in
                    found.withLock { $0.append((rank, stall)) }
                    isOver.store(true, ordering: .relaxed)
                }
                defer { watchdog.stop() }
                board.publish(step: 4)
                board.publish(phase: "loss")
                let ranks = WatchedCollectives(base, board: board)
                let memory = try ranks.shareMemory(byteCount: 8)
                while rank == 1 {
                    usleep(1000)
                    if isOver.load(ordering: .relaxed) { throw AltaError("the job was ended") }
                }
                try Self.wait(in: call, ranks, memory)
            }
        }
        #expect(found.withLock { $0.map(\.rank) } == [0])
        let lines = found.withLock { $0[0].stall.lines }
        #expect(
            lines[0].hasPrefix(
                "error: rank 1 on here did not come to a collective: it runs, but has been in loss of step 4"))
        #expect(lines[0].contains(call))
        #expect(lines.count == 3)
        #expect(began.duration(to: .now) < .seconds(60))
    }

    private static func wait(in call: String, _ ranks: WatchedCollectives, _ memory: SharedMemory) throws {
        switch call {
        case "exchange in shared memory":
            memory.publish(ranks.rank == 1 ? 0 : 1, on: 0)
            try ranks.waitInMemory { memory.least(on: 0) == 1 }
        case "end of an all-reduce (sum) of 1 int64":
            var value: [Int64] = [1]
            try value.withUnsafeMutableBufferPointer { try ranks.startAllReduce($0, .sum).wait() }
        default: _ = try ranks.allReduce(Int64(1), .sum)
        }
    }

    /// Sums of gradients wait in shared memory: `begin` and `finish` are seen.
    @Test func sumsOverNodesAreSeenToWait() throws {
        let statuses = try Self.statuses(2) { ranks in
            // As in a benchmark, which counts bytes.
            let sum = try NodeReduction<Int64>.make(
                MeteredCollectives(ranks), by: .byMemory, count: 8, buckets: [0..<8], block: 4, commonByteCount: 0
            ) { _ in }
            try sum.begin()
            for index in sum.own.indices { sum.own[index] = Int64(index) }
            try sum.finish { _ in }
            #expect(sum.sum[7] == 14)
        }
        for status in statuses {
            #expect(status.operations.suffix(3).map(\.kind).contains(.startAllReduce))
            #expect(status.operations.filter { $0.kind == .sharedMemory }.map(\.sequence).count == 2)
        }
    }

    /// Nanoseconds of watching a barrier of one rank, which itself does next to nothing.
    @Test func watchingCostsNanoseconds() throws {
        let board = try RankBoard.inMemory()
        let count = 200_000
        // The thread's own time: other tests run beside it.
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
        }
        func nanoseconds(_ body: () -> Void) -> Double {
            (0..<5).map { _ in
                let start = now()
                for _ in 0..<count { body() }
                return (now() - start) / Double(count)
            }.min() ?? 0
        }
        let watching = nanoseconds {
            board.enter(
                CollectiveCall(kind: .allReduce, count: 5, type: .int64, reduction: .sum), group: 0, sequence: 1)
            board.leave()
        }
        let phase = nanoseconds { board.publish(phase: "communication") }
        print("watching one collective: \(watching) ns; publishing a phase: \(phase) ns")
        #expect(watching < 2000 && phase < 2000)
    }
}
