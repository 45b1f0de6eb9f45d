import AltaComm
import AltaCore
import Testing

/// Who keeps the others waiting, from what the ranks say.
@Suite struct StallTests {
    @Test func aRankThatStoppedIsNamedFirst() throws {
        let ranks = [
            waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), stopped(busy(2, entered: 6, in: "data")),
        ]
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: [0, 1, 2])
        #expect(stall.culprits.map(\.rank) == [2])
        #expect("\(stall.error)".hasPrefix("rank 2 on host2 does not run: "))
        #expect("\(stall.error)".contains("it was in data of step 12, last in barrier, number 6 of all ranks"))
        let record = stall.record(secondsSince1970: 5)
        #expect(record.rank == 2 && record.host == "host2" && record.phase == "data" && record.step == 12)
        #expect(record.exitCode == 75 && record.secondsSince1970 == 5)
    }

    /// It entered, and keeps the others waiting all the same.
    @Test func aRankThatStoppedInsideIsNamed() {
        let ranks = [waiting(0, sequence: 7), stopped(waiting(1, sequence: 7)), waiting(2, sequence: 7)]
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: [0, 1, 2])
        #expect(stall.culprits.map(\.rank) == [1])
        #expect("\(stall.error)".contains("inside barrier, number 7 of all ranks"))
    }

    @Test func ranksThatRunAndDoNotComeAreNamedWithTheirPhase() {
        let ranks = [waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), busy(2, entered: 6, in: "loss")]
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: [0, 1, 2])
        #expect(stall.culprits.map(\.rank) == [1, 2])
        #expect("\(stall.error)".hasPrefix("ranks 1-2 did not come to a collective: "))
        #expect("\(stall.error)".contains("rank 1 has been in forward of step 12 for 30 s"))
        #expect(
            stall.lines.contains(
                "  rank 2 on host2: has been in loss of step 12 for 30 s, after barrier, number 6 of all ranks"))
    }

    /// Rank 0 waits for rank 1, which waits in another group for rank 2.
    @Test func whatTheMissingRankWaitsForIsTheCause() {
        let ranks = [
            waiting(0, sequence: 7), waiting(1, sequence: 2, group: 9, before: 6), busy(2, entered: 6, in: "backward"),
        ]
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: [0, 1])
        #expect(stall.culprits.map(\.rank) == [2])
        #expect(stall.lines[0].contains("has been in backward of step 12"))
    }

    /// A rank of another group that is busy has nothing to do with it.
    @Test func ranksOfOtherGroupsAreNotSuspected() {
        let ranks = [
            waiting(0, sequence: 7, group: 9), busy(1, entered: 0, in: "loss"), busy(2, entered: 0, in: "data"),
        ]
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: [0, 2])
        #expect(stall.culprits.map(\.rank) == [2])
    }

    @Test func ranksInDifferentCollectivesAreGrouped() {
        let ranks = (0..<5).map { waiting($0, sequence: 7, kind: $0 == 3 ? .split : .barrier) }
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: Array(0..<5))
        #expect(stall.culprits.map(\.rank) == [3])
        #expect(
            "\(stall.error)".contains(
                "rank 3 in split into groups, number 7 of all ranks (in communication of step 12), "
                    + "ranks 0-2, 4 in barrier, number 7 of all ranks"))
    }

    @Test func ranksWithoutAStatusAreSaidToBeUnknown() {
        let ranks = [
            waiting(0, sequence: 7), Sighting(rank: 1, status: nil, isAlive: false, silentSeconds: 0),
            waiting(2, sequence: 7),
        ]
        let stall = Stall.find(ranks, reporter: 0, waitedSeconds: 31, members: [0, 1, 2])
        #expect("\(stall.error)".hasPrefix("nothing is known of rank 1: "))
        #expect(stall.record(secondsSince1970: 0).rank == 1)
    }

    @Test func allInTheSameBlamesTheNetwork() {
        let ranks = (0..<3).map { waiting($0, sequence: 7) }
        let stall = Stall.find(ranks, reporter: 1, waitedSeconds: 31, members: [0, 1, 2])
        #expect(stall.culprits.isEmpty)
        #expect(
            "\(stall.error)".hasPrefix(
                "a collective does not complete though all ranks are in it: rank 1 has waited 31 s"))
        #expect(stall.record(secondsSince1970: 0).rank == 1)
    }

    @Test func listsOfRanks() {
        #expect(RankList.text([3]) == "rank 3")
        #expect(RankList.text([7, 0, 1, 2]) == "ranks 0-2, 7")
        #expect(RankList.text(Array(stride(from: 0, to: 40, by: 2)), limit: 2) == "ranks 0, 2 and 18 more")
    }
}

func operation(_ number: Int, group: UInt64 = 0, kind: CollectiveKind = .barrier) -> RankOperation {
    RankOperation(number: number, kind: kind, group: group, sequence: number, began: 0, step: 12)
}

/// A rank that has been in a collective for 30 s; before it, it was in number `before` of all ranks.
func waiting(
    _ rank: Int, sequence: Int, group: UInt64 = 0, kind: CollectiveKind = .barrier, before: Int? = nil
) -> Sighting {
    let current = operation(sequence, group: group, kind: kind)
    let earlier = before.map { [operation($0)] } ?? []
    let status = RankStatus(
        rank: rank, rankCount: 3, host: "host\(rank)", phase: "communication", step: 12, operation: current,
        isInCollective: true, since: 100, heartbeat: 130, operations: earlier + [current])
    return Sighting(rank: rank, status: status, isAlive: true, silentSeconds: 0)
}

/// A rank that has been in a phase for 30 s.
func busy(_ rank: Int, entered: Int, in phase: String) -> Sighting {
    let last = operation(entered)
    let status = RankStatus(
        rank: rank, rankCount: 3, host: "host\(rank)", phase: phase, step: 12, operation: last, since: 100,
        heartbeat: 130, operations: [last])
    return Sighting(rank: rank, status: status, isAlive: true, silentSeconds: 0)
}

func stopped(_ sighting: Sighting) -> Sighting {
    Sighting(rank: sighting.rank, status: sighting.status, isAlive: false, silentSeconds: 9)
}
