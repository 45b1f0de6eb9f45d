import AltaComm
import AltaCore
import Foundation
import Testing

/// What only ranks as threads promise: nobody hangs, whoever fails.
@Suite(.timeLimit(.minutes(1))) struct ThreadCollectivesTests {
    @Test func resultsComeInTheOrderOfTheRanks() throws {
        let ranks = try ThreadCollectives.run(rankCount: 5) { collectives in
            // The later ranks end first.
            Thread.sleep(forTimeInterval: 0.01 * Double(5 - collectives.rank))
            return [collectives.rank, collectives.rankCount]
        }
        #expect(ranks == (0..<5).map { [$0, 5] })
    }

    @Test(arguments: 0..<3) func throwingRankIsTheOneThatIsReported(culprit: Int) throws {
        let error = #expect(throws: AltaError.self) {
            try ThreadCollectives.run(rankCount: 3) { collectives in
                if collectives.rank == culprit { throw AltaError("cannot read the scan", exitCode: .stoppedEarly) }
                _ = try collectives.allReduce([1.0, 2.0], .sum)
            }
        }
        #expect(error?.what == "cannot read the scan")
        #expect(error?.rank == culprit)
        #expect(error?.exitCode == .stoppedEarly)
    }

    /// What failed on some ranks is told on all of them alike, and all go on.
    @Test func ranksAgreeOnAFailureOfSomeOfThem() throws {
        let told = try ThreadCollectives.run(rankCount: 3) { ranks in
            let outcome = Result { if ranks.rank > 0 { throw AltaError("no window", rank: ranks.rank) } }
            let failure = try ranks.firstFailure(outcome)
            #expect(try ranks.firstFailure(Result<Int, any Error>.success(1)) == nil)
            return failure?.description
        }
        #expect(told == Array(repeating: "no window (rank 1)", count: 3))
    }

    @Test func waitingRanksLearnWhoFailed() throws {
        let messages = try messagesOfOthers { _ in throw AltaError("cannot read the scan") }
        #expect(messages.allSatisfy { $0.contains("rank 1 failed") && $0.contains("cannot read the scan") })
    }

    @Test func waitingRanksLearnWhoAborted() throws {
        let messages = try messagesOfOthers { $0.abort(exitCode: 75) }
        #expect(messages.allSatisfy { $0.contains("rank 1 ended the job with exit code 75") })
    }

    /// Rank 1 misbehaves; ranks 0 and 2 wait in a barrier, and try once more: what they are told.
    private func messagesOfOthers(
        _ misbehave: @escaping @Sendable (any Collectives) throws -> Void
    ) throws -> [String] {
        let told = Told()
        _ = try? ThreadCollectives.run(rankCount: 3) { collectives in
            if collectives.rank == 1 { return try misbehave(collectives) }
            for _ in 0..<2 {
                do {
                    try collectives.barrier()
                    told.append("no error")
                } catch {
                    told.append("\(error)")
                }
            }
        }
        #expect(told.messages.count == 4)
        return told.messages
    }

    /// Also those that wait in a group, for a reduction in the background, or for shared memory.
    @Test(arguments: 0..<4) func ranksThatWaitElsewhereLearnWhoFailed(place: Int) throws {
        let messages = Told()
        _ = try? ThreadCollectives.run(rankCount: 3) { collectives in
            let pair = try collectives.split(color: collectives.rank == 2 ? 1 : 0)
            let memory = try collectives.shareMemory(byteCount: 8)
            if collectives.rank == 1 { throw AltaError("cannot read the scan") }
            do {
                switch (place, collectives.rank) {
                case (0, 0): try pair.barrier()
                case (1, 0):
                    var number: [Int64] = [1]
                    try number.withUnsafeMutableBufferPointer { try pair.startAllReduce($0, .sum).wait() }
                case (2, 0): while memory.least(on: 0) < 1 { try collectives.pause() }
                default: try collectives.barrier()
                }
            } catch { messages.append("\(error)") }
        }
        #expect(messages.messages.count == 2)
        #expect(messages.messages.allSatisfy { $0.contains("cannot read the scan") }, "\(messages.messages)")
    }

    @Test func rankThatLeavesEarlyIsNamed() throws {
        let error = #expect(throws: AltaError.self) {
            try ThreadCollectives.run(rankCount: 3) { if $0.rank != 2 { try $0.barrier() } }
        }
        #expect(error?.description.contains("barrier cannot complete") == true)
        #expect(error?.description.contains("rank 2 has left") == true)
    }

    @Test func ranksInDifferentCollectivesAreNamed() throws {
        let error = #expect(throws: AltaError.self) {
            try ThreadCollectives.run(rankCount: 2) { collectives in
                _ = try collectives.allReduce([Int64](repeating: 1, count: 3 + collectives.rank), .sum)
            }
        }
        #expect(error?.description.contains("all-reduce (sum) of 3 int64, rank 1 in") == true)
        #expect(error?.description.contains("all-reduce (sum) of 4 int64") == true)
    }

    /// Deeper than the 8 MiB that threads have by default.
    @Test func stackHoldsLargeFrames() throws {
        let depths = try ThreadCollectives.run(rankCount: 2) { _ in Self.depth(12 << 20) }
        #expect(depths == [12, 12])
    }

    /// Recurses with a frame of 1 MiB until `byteCount` bytes of stack are in use; returns how often.
    private static func depth(_ byteCount: Int) -> Int {
        guard byteCount > 0 else { return 0 }
        return withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 16) { frame in
            frame.initializeMemory(as: UInt8.self, repeating: 1)
            return depth(byteCount - (1 << 20)) + Int(frame[4096])
        }
    }

    /// 2000 collectives in a row at more ranks than cores: no wake-up is lost.
    @Test func manyCollectivesInARow() throws {
        let sums = try ThreadCollectives.run(rankCount: 7) { collectives in
            var sum: Int64 = 0
            for step in 0..<2000 { sum += try collectives.allReduce(Int64(step * (collectives.rank + 1)), .sum) }
            return sum
        }
        // 28 is the sum of 1...7, 1,999,000 of 0..<2000.
        #expect(sums == Array(repeating: 28 * 1_999_000, count: 7))
    }
}

/// Messages that several ranks add to.
private final class Told: @unchecked Sendable {
    private let lock = NSLock()
    private var list: [String] = []

    func append(_ message: String) { lock.withLock { list.append(message) } }

    var messages: [String] { lock.withLock { list } }
}
