import AltaComm
import AltaCore
import AltaTrain
import Testing

/// Whose place a rank's failure record states.
@Suite struct FailureRecordTests {
    private func record(_ error: AltaError, _ status: @escaping @Sendable (Int) -> RankStatus?) throws -> FailureRecord
    {
        try ThreadCollectives.run(rankCount: 1) { ranks in
            let clock = PhaseClock()
            clock.current = "communication"
            clock.step = 7
            return FailureRecord(error, ranks: ranks, clock: clock, status: status)
        }[0]
    }

    @Test(arguments: [nil, 0]) func itsOwnErrorHasItsOwnPlace(rank: Int?) throws {
        let found = try record(AltaError("no table", rank: rank)) { _ in nil }
        let host = try HostName.current()
        #expect(found.rank == 0 && found.host == host)
        #expect(found.phase == "communication" && found.step == 7)
        #expect(found.fileName(writer: 0) == "rank-0.json")
    }

    @Test func anErrorOfAnotherRankHasThatRanksPlace() throws {
        let found = try record(AltaError("the ranks are in different collectives", rank: 3)) {
            RankStatus(rank: $0, rankCount: 4, host: "other", phase: "loss", step: 6)
        }
        #expect(found.rank == 3 && found.host == "other" && found.phase == "loss" && found.step == 6)
        #expect(found.fileName(writer: 0) == "rank-3-seen-by-0.json")
    }

    /// Nothing is said rather than something wrong.
    @Test func aRankThatCannotBeSeenHasNoPlace() throws {
        let found = try record(AltaError("the ranks are in different collectives", rank: 3)) { _ in nil }
        #expect(found.rank == 3 && found.host == "an unknown host" && found.step == nil)
        #expect(found.phase == "an unknown place")
    }
}
