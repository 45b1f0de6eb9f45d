import AltaComm
import AltaCore
import Testing

/// What each collective tells, and that the results are those of the transport.
@Suite struct TracedCollectivesTests {
    private static func events(rankCount: Int) throws -> [[String]] {
        try ThreadCollectives.run(rankCount: rankCount) { base in
            var told: [CollectiveEvent] = []
            let collectives: any Collectives = TracedCollectives(base) { told.append($0) }
            #expect(try collectives.allReduce([1.5, 2.5] as [Float], .sum)[0] == 1.5 * Float(rankCount))
            let counts = Array(repeating: 3, count: rankCount)
            #expect(try collectives.allGather([1, 2, 3] as [Int64], counts: counts).count == 3 * rankCount)
            let own = try collectives.reduceScatter([Double](repeating: 1, count: 3 * rankCount), counts: counts)
            #expect(own == Array(repeating: Double(rankCount), count: 3))
            var bytes: [UInt8] = [UInt8(base.rank), 1]
            try bytes.withUnsafeMutableBufferPointer { try collectives.broadcast($0, from: 0) }
            #expect(bytes[0] == 0)
            try collectives.barrier()
            let group = try collectives.split(color: base.rank)
            #expect(try group.allReduce(Int32(7), .maximum) == 7)
            try started(collectives)
            #expect(told.allSatisfy { $0.start <= $0.end })
            return told.map { "\($0.name): \($0.byteCount)\($0.isInBackground ? " in the background" : "")" }
        }
    }

    /// Told of once, when it is found done.
    private static func started(_ collectives: any Collectives) throws {
        let buffer = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 5)
        defer { buffer.deallocate() }
        buffer.initialize(repeating: 1)
        let reduction = try collectives.startAllReduce(buffer, .sum)
        try reduction.wait()
        #expect(try reduction.isDone())
        #expect(buffer[4] == Int64(collectives.rankCount))
    }

    @Test(arguments: [1, 3]) func everyCollectiveIsToldOnce(ranks: Int) throws {
        let expected = [
            "all-reduce sum: 8", "all-gather: 24", "reduce-scatter: \(24 * ranks)", "broadcast: 2", "barrier: 0",
            "all-reduce maximum (1 of \(ranks) ranks): 4", "all-reduce sum: 40 in the background",
        ]
        #expect(try Self.events(rankCount: ranks) == Array(repeating: expected, count: ranks))
    }

    /// Whoever looks for stalls must see where a rank waits, also where its collectives are traced.
    @Test func waitsInSharedMemoryReachWhatIsTraced() throws {
        let statuses = try ThreadCollectives.run(rankCount: 2) { base in
            let board = try RankBoard.inMemory(rank: base.rank, rankCount: 2)
            let collectives: any Collectives = TracedCollectives(WatchedCollectives(base, board: board)) { _ in }
            let memory = try collectives.shareMemory(byteCount: 8)
            memory.publish(1, on: 0)
            try collectives.waitInMemory { memory.least(on: 0) == 1 }
            return board.status()
        }
        #expect(statuses.map { $0?.operations.last?.kind } == [.sharedMemory, .sharedMemory])
    }
}
