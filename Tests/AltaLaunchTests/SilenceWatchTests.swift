import AltaCore
import AltaLaunch
import Testing

@Suite struct SilenceWatchTests {
    /// The ranks' own watchdogs speak after 10 s, this one 10 s later.
    private func watch(ranks: Int = 2) -> SilenceWatch { SilenceWatch(rankCount: ranks, stallSeconds: 10, now: 100) }

    private func status(
        _ rank: Int, since: Double = 1, beats: Int = 0, isJoining: Bool = false
    ) -> RankStatus {
        StatusImage(rank: rank, step: 3, since: since, beats: beats, isJoining: isJoining).status
    }

    @Test func stoppedRanksAreFound() {
        var watch = watch()
        let statuses = [status(0), status(1)]
        #expect(watch.look(statuses, now: 115) == nil)
        #expect(watch.look(statuses, now: 135) == nil)
        #expect(watch.look(statuses, now: 135.1)?.silent == [0, 1])
    }

    @Test func progressOfOneRankIsProgress() {
        var watch = watch()
        for second in 0..<60 {
            let now = 100 + Double(second)
            #expect(watch.look([status(0, since: now, beats: second), status(1)], now: now) == nil)
        }
    }

    /// Rank 0 tells that its work goes on, while its status changes in nothing else; rank 1 was stopped.
    @Test func workOfOneRankIsProgress() {
        var watch = watch()
        for second in 0..<60 {
            let now = 100 + Double(second)
            let first = StatusImage(rank: 0, step: 3, beats: second, progress: now).status
            #expect(watch.look([first, status(1)], now: now) == nil)
        }
        let last = StatusImage(rank: 0, step: 3, beats: 60, progress: 159).status
        #expect(watch.look([last, status(1)], now: 180)?.silent.contains(1) == true)
    }

    /// A rank that works for long without a word is at work as long as its watchdog says so.
    @Test func longWorkIsNoStall() {
        var watch = watch()
        for second in 0..<60 {
            #expect(watch.look([status(0, beats: second), status(1, beats: second)], now: 100 + Double(second)) == nil)
        }
    }

    @Test func aRankThatNeverCameIsNamed() {
        var watch = watch(ranks: 3)
        var found: StallFinding?
        for second in 0..<25 where found == nil {
            found = watch.look([status(0, beats: second), status(2, beats: second)], now: 100 + Double(second))
        }
        #expect(found?.absent == [1] && found?.silent == [])
        var nobody = self.watch()
        #expect(nobody.look([], now: 121)?.absent == [0, 1])
    }

    /// Without a run folder ranks of other hosts publish where the launcher sees nothing: they are not absent.
    @Test func ranksThatCannotBeSeenAreNotJudged() throws {
        let alone = try FakeWorld.plan([], ranks: 2)
        let several = try FakeWorld.plan(["here", "there"], ranks: 5)
        let elsewhere = try FakeWorld.plan(["there"])
        // A host without a rank has nothing to show.
        let listed = try FakeWorld.plan(["here", "there"], ranks: 4)
        #expect(SilenceWatch.canSee(alone, output: nil) && SilenceWatch.canSee(listed, output: nil))
        #expect(!SilenceWatch.canSee(several, output: nil) && !SilenceWatch.canSee(elsewhere, output: nil))
        for plan in [alone, several, elsewhere] { #expect(SilenceWatch.canSee(plan, output: "run")) }
    }

    @Test func ofTwoTheSilentOneIsNamed() {
        var watch = watch()
        var found: StallFinding?
        for second in 0..<25 where found == nil {
            found = watch.look([status(0, beats: second), status(1)], now: 100 + Double(second))
        }
        #expect(found?.silent == [1])
    }

    @Test func ranksThatWaitForOneAnotherInMPIsStartAreFound() {
        var watch = watch()
        var found: StallFinding?
        for second in 0..<25 where found == nil {
            let statuses = [status(0, beats: second, isJoining: true), status(1, beats: second)]
            found = watch.look(statuses, now: 100 + Double(second))
        }
        #expect(found != nil && found?.absent == [] && found?.silent == [])
    }

    @Test func lookingIsNeitherRareNorDear() {
        #expect(SilenceWatch(rankCount: 1, stallSeconds: 1, now: 0).intervalSeconds == 0.55)
        #expect(SilenceWatch(rankCount: 1, stallSeconds: 300, now: 0).intervalSeconds == 15)
    }
}
