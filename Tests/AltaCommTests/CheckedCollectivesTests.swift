import AltaComm
import AltaCore
import Testing

/// Ranks that call different things are told so before anything is sent; ranks are threads.
@Suite struct CheckedCollectivesTests {
    /// What each rank of `rankCount` throws where the last calls `odd` and the others call `usual`.
    private static func errors(
        _ rankCount: Int, usual: @escaping @Sendable (any Collectives) throws -> Void,
        odd: @escaping @Sendable (any Collectives) throws -> Void
    ) throws -> [String] {
        try ThreadCollectives.run(rankCount: rankCount) { base in
            let ranks = CheckedCollectives(base)
            do {
                try base.rank == rankCount - 1 ? odd(ranks) : usual(ranks)
                return "none"
            } catch { return "\(error)" }
        }
    }

    private static let oddCalls: [(String, @Sendable (any Collectives) throws -> Void)] = [
        ("barrier", { try $0.barrier() }),
        ("all-reduce (sum) of 3 int64", { _ = try $0.allReduce([Int64](repeating: 1, count: 3), .sum) }),
        ("all-reduce (sum) of 2 double", { _ = try $0.allReduce([Double](repeating: 1, count: 2), .sum) }),
        ("all-reduce (maximum) of 2 int64", { _ = try $0.allReduce([Int64](repeating: 1, count: 2), .maximum) }),
        (
            "broadcast of 2 int64 from rank 1",
            { ranks in
                var values: [Int64] = [1, 2]
                try values.withUnsafeMutableBufferPointer { try ranks.broadcast($0, from: 1) }
            }
        ),
        ("split into groups", { _ = try $0.split(color: 0) }),
        ("reservation of shared memory", { _ = try $0.shareMemory(byteCount: 5) }),
        (
            "start of an all-reduce (sum) of 2 int64",
            { ranks in
                var values: [Int64] = [1, 2]
                try values.withUnsafeMutableBufferPointer { try ranks.startAllReduce($0, .sum).wait() }
            }
        ),
    ]

    @Test(arguments: oddCalls.indices) func anotherCallIsToldOnEveryRank(index: Int) throws {
        let (name, odd) = Self.oddCalls[index]
        let errors = try Self.errors(3, usual: { _ = try $0.allReduce([Int64(1), 2], .sum) }, odd: odd)
        for error in errors {
            #expect(
                error.hasPrefix(
                    "the ranks are in different collectives (rank 2): ranks 0-1 in all-reduce (sum) of 2 int64, "
                        + "rank 2 in \(name)"))
        }
    }

    @Test func otherCountsAndRootsAreTold() throws {
        let counts = try Self.errors(
            2, usual: { _ = try $0.allGather([Int64(1)], counts: [1, 2]) },
            odd: { _ = try $0.allGather([Int64(1)], counts: [2, 1]) })
        #expect(
            Set(counts).count == 1
                && counts[0].contains(
                    "rank 0 in all-gather of 3 int64, rank 1 in all-gather of 3 int64 with other counts")
        )
        let roots = try Self.errors(
            2, usual: { _ = try $0.broadcast([Int64(1)], from: 0) }, odd: { _ = try $0.broadcast([Int64(1)], from: 1) })
        #expect(Set(roots).count == 1 && roots[0].contains("rank 1 in broadcast of 1 int64 from rank 1"))
    }

    /// A count below zero is told by the collective itself, also where calls are compared or watched before it.
    @Test func negativeCountsAreErrors() throws {
        for isWatched in [false, true] {
            let errors = try ThreadCollectives.run(rankCount: 2) { base in
                let ranks: any Collectives =
                    isWatched
                    ? WatchedCollectives(base, board: try RankBoard.inMemory(rank: base.rank, rankCount: 2))
                    : CheckedCollectives(base)
                var all = [Int64](repeating: 0, count: 1)
                do {
                    try [Int64(1)].withUnsafeBufferPointer { mine in
                        try all.withUnsafeMutableBufferPointer { try ranks.allGather(mine, counts: [2, -1], into: $0) }
                    }
                    return "none"
                } catch { return "\(error)" }
            }
            #expect(errors.allSatisfy { $0.contains("all-gather with counts [2, -1]") }, "\(errors)")
        }
    }

    @Test func groupsAreCheckedToo() throws {
        let errors = try Self.errors(
            4, usual: { try $0.split(color: $0.rank / 2).barrier() },
            odd: { _ = try $0.split(color: $0.rank / 2).allReduce(Int64(1), .sum) })
        #expect(errors[0] == "none" && errors[1] == "none")
        #expect(errors[2].contains("rank 0 in barrier, rank 1 in all-reduce (sum) of 1 int64"))
        #expect(errors[3] == errors[2])
    }

    @Test func itIsForWhoeverAsks() throws {
        let isChecked = try ThreadCollectives.run(rankCount: 1) { base in
            ["1", "0", ""].map { CheckedCollectives.asked(["ALTA_CHECK_COLLECTIVES": $0], base) is CheckedCollectives }
                + [CheckedCollectives.asked([:], base) is CheckedCollectives]
        }
        #expect(isChecked == [[true, false, false, false]])
    }
}
