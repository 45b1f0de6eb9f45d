import AltaComm
import AltaCore
import Testing

/// Stalls of ranks on several hosts, whose statuses come through a file server or not at all.
@Suite struct StallHostTests {
    private typealias Ranks = StallWatchTests.Ranks

    /// The same rank with another kind of file, on a host of its own or on `host`.
    private static func with(_ sighting: Sighting, isCopied: Bool = true, host: String? = nil) -> Sighting {
        var status = sighting.status
        status?.isCopied = isCopied
        if let host { status?.host = host }
        return Sighting(
            rank: sighting.rank, status: status, isAlive: sighting.isAlive, silentSeconds: sighting.silentSeconds)
    }

    /// Looks each second; what the others say is seen every 50 s.
    private func lateReport(_ watch: inout StallWatch, _ ranks: Ranks, seconds: ClosedRange<Int>) -> Stall? {
        for second in seconds {
            let beating = second % 50 == 0 ? [0, 1, 2] : [0]
            if let report = StallWatchTests.firstReport(&watch, ranks, beating: beating, seconds: second...second) {
                return report.stall
            }
        }
        return nil
    }

    @Test(arguments: [30.0, 300]) func aRankOfAnotherHostThatIsSeenLateRuns(limit: Double) throws {
        let ranks = Ranks(
            [waiting(0, sequence: 7), waiting(1, sequence: 7), busy(2, entered: 6, in: "forward")].map { Self.with($0) }
        )
        var watch = StallWatch(rank: 0, stallSeconds: limit, heartbeatSeconds: 1)
        let stall = try #require(lateReport(&watch, ranks, seconds: 0...400))
        #expect(stall.culprits.map(\.rank) == [2])
        guard case .absent = stall.cause else { Issue.record("\(stall.cause)"); return }
    }

    /// The longer silence is over when the limit is, where that is long enough.
    @Test(arguments: [(30.0, 65...67), (300.0, 300...302)])
    func aRankOfAnotherHostThatIsSilentForLongHasStopped(limit: Double, seconds: ClosedRange<Int>) throws {
        let ranks = Ranks(
            [waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)].map { Self.with($0) }
        )
        var watch = StallWatch(rank: 0, stallSeconds: limit, heartbeatSeconds: 1)
        let report = try #require(StallWatchTests.firstReport(&watch, ranks, beating: [0, 2], seconds: 0...400))
        guard case .stopped(let stopped) = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
        #expect(stopped.map(\.rank) == [1])
        #expect(seconds.contains(report.second), "\(report.second)")
    }

    /// It is in the collective, and stops there soon after it was seen to run.
    @Test func aRankOfAnotherHostThatStopsMeanwhileIsNotTakenForRunning() throws {
        let ranks = Ranks((0..<3).map { Self.with(waiting($0, sequence: 7)) })
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        #expect(StallWatchTests.firstReport(&watch, ranks, beating: [0, 1, 2], seconds: 0...20) == nil)
        let report = try #require(StallWatchTests.firstReport(&watch, ranks, beating: [0, 1], seconds: 21...400))
        guard case .stopped(let stopped) = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
        #expect(stopped.map(\.rank) == [2] && (85...87).contains(report.second), "\(report.second)")
    }

    /// On its own host's file at once; a file server may hold back what ranks of one host write, too.
    @Test(arguments: [(false, 30...36), (true, 64...67)])
    func aRankOfTheSameHostIsFoundAsItsFileAllows(isCopied: Bool, expected: ClosedRange<Int>) throws {
        let ranks = Ranks(
            [waiting(0, sequence: 7), busy(1, entered: 6, in: "forward"), waiting(2, sequence: 7)].map {
                Self.with($0, isCopied: isCopied, host: "a")
            })
        var watch = StallWatch(rank: 0, stallSeconds: 30, heartbeatSeconds: 1)
        let report = try #require(StallWatchTests.firstReport(&watch, ranks, beating: [0, 2], seconds: 0...200))
        guard case .stopped(let stopped) = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
        #expect(stopped.map(\.rank) == [1] && expected.contains(report.second), "\(report.second)")
    }

    /// Rank 1 looks at files, says so, and is heard of no more after 200 s: it may still be at work, for as long as it may be
    /// without saying so.
    @Test func aSilentRankThatToldOfItsWorkIsWaitedFor() throws {
        let ranks = Ranks(
            [waiting(0, sequence: 7), busy(1, entered: 6, in: "start"), waiting(2, sequence: 7)].map { Self.with($0) })
        var watch = StallWatch(rank: 0, stallSeconds: 300, heartbeatSeconds: 1)
        var found: (second: Int, stall: Stall)?
        for second in 0...900 where found == nil {
            if second <= 200 { ranks.work(1, heartbeat: 5000 + Double(second), progress: 5000 + Double(second)) }
            found = StallWatchTests.firstReport(
                &watch, ranks, beating: second <= 200 ? [0, 1, 2] : [0, 2], seconds: second...second)
        }
        let report = try #require(found)
        guard case .stopped(let stopped) = report.stall.cause else { Issue.record("\(report.stall.cause)"); return }
        #expect(stopped.map(\.rank) == [1])
        #expect((500...540).contains(report.second), "\(report.second)")
    }

    /// Each host has a folder of its own: what rank 2 does is not known, and it may have told that it is at work.
    @Test func ranksThatNoFolderShowsAreWaitedForLonger() throws {
        let ranks = [waiting(0, sequence: 7), waiting(1, sequence: 7)].map {
            Self.with($0, isCopied: false, host: "a")
        }
        let unseen = Sighting(rank: 2, status: nil, isAlive: false, silentSeconds: 0)
        func second(_ certain: Int?, _ own: [Sighting] = ranks, rank: Int = 0) -> Int? {
            var watch = StallWatch(rank: rank, stallSeconds: 30, heartbeatSeconds: 1)
            return StallWatchTests.firstReport(
                &watch, Ranks(own + [unseen], certainCount: certain), beating: [0, 1], seconds: 0...400)?.second
        }
        // The host has two ranks, and both are seen.
        #expect(second(2) == 300)
        #expect(second(2, rank: 1) == 310)
        // A rank of this host left nothing, all ranks would be seen, or the folder is one that hosts share.
        #expect(second(3) == 30 && second(nil) == 30)
        #expect(second(2, ranks.map { Self.with($0) }) == 30)
        #expect(second(2, [ranks[0], Self.with(ranks[1], isCopied: false, host: "b")]) == 30)
    }
}
