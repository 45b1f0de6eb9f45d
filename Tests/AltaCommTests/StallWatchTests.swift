import AltaComm
import AltaCore
import Synchronization
import Testing

/// When a stall is told, and by whom, on a clock that the test turns.
@Suite struct StallWatchTests {
    /// Ranks whose statuses the test sets; hearts beat at each `beat`.
    final class Ranks: StatusSource {
        private let statuses: Mutex<[RankStatus?]>
        let certainCount: Int?

        init(_ sightings: [Sighting], certainCount: Int? = nil) {
            statuses = Mutex(sightings.map(\.status))
            self.certainCount = certainCount
        }

        func status(of rank: Int) -> RankStatus? { statuses.withLock { $0[rank] } }

        func set(_ rank: Int, _ sighting: Sighting) { statuses.withLock { $0[rank] = sighting.status } }

        func work(_ rank: Int, heartbeat: Double, progress: Double) {
            statuses.withLock { all in
                all[rank]?.heartbeat = heartbeat
                all[rank]?.progress = progress
            }
        }

        func beat(_ ranks: [Int]) {
            statuses.withLock { all in for rank in ranks { all[rank]?.heartbeatCount += 1 } }
        }
    }

    /// Looks each second from `seconds` on; the second and the stall of the first report.
    static func firstReport(
        _ watch: inout StallWatch, _ ranks: Ranks, beating: [Int], seconds: ClosedRange<Int>
    ) -> (second: Int, stall: Stall)? {
        for second in seconds {
            ranks.beat(beating)
            guard let own = ranks.status(of: watch.rank) else { return nil }
            let action = watch.look(now: Double(second), own: own, statuses: ranks) { _ in [0, 1, 2] }
            if case .report(let stall) = action { return (second, stall) }
        }
        return nil
    }

    private func firstReport(
        _ watch: inout StallWatch, _ ranks: Ranks, beating: [Int], seconds: ClosedRange<Int>
    ) -> (second: Int, stall: Stall)? {
        Self.firstReport(&watch, ranks, beating: beating, seconds: seconds)
    }

    @Test func theLowestWaitingRankTellsAtTheLimit() throws {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        let report = try #require(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...60))
        #expect(report.second == 30)
        #expect(report.stall.culprits.map(\.rank) == [1])
        guard case .absent = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
    }

    @Test func aRankWithoutHeartbeatsHasStopped() throws {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        let report = try #require(firstReport(&watch, ranks, beating: [0, 2], seconds: 0...60))
        guard case .stopped(let stopped) = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
        #expect(stopped.map(\.rank) == [1])
        #expect(report.second <= 36)
    }

    @Test func aHigherRankLeavesItToALowerOneThatLives() {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 2, stallSeconds: 30, heartbeatSeconds: 1)
        #expect(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...40) == nil)
    }

    /// Rank 0 waits, but was stopped: its heart does not beat.
    @Test func theNextRankTellsWhereTheLowestHasStopped() throws {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 2, stallSeconds: 30, heartbeatSeconds: 1)
        let report = try #require(firstReport(&watch, ranks, beating: [1, 2], seconds: 0...60))
        #expect(report.stall.culprits.map(\.rank) == [0])
        #expect(report.second <= 42)
    }

    /// Its heart beats, and yet it does not tell.
    @Test func theNextRankTellsWhereTheLowestDoesNot() throws {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 2, stallSeconds: 30, heartbeatSeconds: 1)
        let report = try #require(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...80))
        #expect((41...50).contains(report.second))
        #expect(report.stall.culprits.map(\.rank) == [1])
    }

    @Test func aNewCollectiveBeginsANewWait() {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        for start in stride(from: 0, to: 200, by: 25) {
            #expect(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: start...start + 24) == nil)
            ranks.set(0, waiting(0, sequence: 8 + start))
        }
    }

    /// Rank 0 looks at files alone, and tells so up to a second; then it is waited for as long as any other. Its clock is
    /// another one than the test's.
    @Test(arguments: [1, 2]) func aRankThatGetsOnIsWaitedFor(reporter: Int) throws {
        let ranks = Ranks([busy(0, entered: 6, in: "start"), waiting(1, sequence: 7), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: reporter, stallSeconds: 30, heartbeatSeconds: 1)
        var found: (second: Int, stall: Stall)?
        for second in 0...400 where found == nil {
            ranks.work(0, heartbeat: 5000 + Double(second), progress: 5000 + Double(min(second, 200)))
            found = firstReport(&watch, ranks, beating: [0, 1, 2], seconds: second...second)
        }
        let report = try #require(found)
        #expect(report.stall.culprits.map(\.rank) == [0])
        // Rank 1 tells first; rank 2, as if that one could not, after some patience.
        #expect((230...(reporter == 1 ? 240 : 280)).contains(report.second), "\(report.second)")
        #expect(abs(report.stall.waitedSeconds - Double(report.second)) < 2)
    }

    /// While one rank gets on, another that does not is told of, alone.
    @Test func oneRankGettingOnHidesNoOther() throws {
        let ranks = Ranks([
            busy(0, entered: 6, in: "start"), waiting(1, sequence: 7), busy(2, entered: 6, in: "start"),
        ])
        var watch = StallWatch(rank: 1, stallSeconds: 30, heartbeatSeconds: 1)
        var found: (second: Int, stall: Stall)?
        for second in 0...60 where found == nil {
            ranks.work(0, heartbeat: 5000 + Double(second), progress: 5000 + Double(second))
            found = firstReport(&watch, ranks, beating: [0, 1, 2], seconds: second...second)
        }
        #expect(found?.second == 30 && found?.stall.culprits.map(\.rank) == [2])
    }

    @Test func aRankThatComputesIsNotWaiting() {
        let ranks = Ranks([
            busy(0, entered: 7, in: "forward"), busy(1, entered: 7, in: "forward"), waiting(2, sequence: 8),
        ])
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        #expect(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...200) == nil)
    }

    /// The machine slept for an hour: nobody was watched, and nobody waited.
    @Test func aGapIsNotWaiting() throws {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        #expect(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...20) == nil)
        let report = try #require(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 3620...3700))
        #expect((3626...3632).contains(report.second))
        guard case .absent = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
    }

    @Test func noLimitMeansNoReport() {
        let ranks = Ranks([waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)])
        var watch = StallWatch(rank: 0, stallSeconds: 0, heartbeatSeconds: 1)
        #expect(firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...2000) == nil)
    }

    @Test func settingsAreReadAndRefused() throws {
        #expect(try Watchdog.Settings(environment: [:]).stallSeconds == 300)
        #expect(try Watchdog.Settings(environment: ["ALTA_STALL_SECONDS": "2.5"]).stallSeconds == 2.5)
        for text in ["", "-1", "soon", "nan", "inf"] {
            #expect(throws: AltaError.self) { try Watchdog.Settings(environment: ["ALTA_STALL_SECONDS": text]) }
        }
        let settings = Watchdog.Settings(stallSeconds: 300)
        #expect(settings.heartbeatSeconds(rankCount: 4) == 1)
        #expect(settings.heartbeatSeconds(rankCount: 1000) == 5)
        #expect(Watchdog.Settings(stallSeconds: 2).heartbeatSeconds(rankCount: 4) == 0.2)
    }
}
