import AltaLaunch
import Foundation
import Testing

extension JobTests {
    /// Jobs that are started again, asked to stop, or stand still.
    @Suite struct LongJobs {
        private static let restarting = ["-n", "2", "--restarts", "2", "--restart-delay", "0.2"]

        @Test func aKilledRankIsStartedAgain() throws {
            let job = try FakeJob(
                "restart", options: Self.restarting, deaths: 1, status: StatusImage(step: 4, completedSteps: 3))
            #expect(try job.run() == 0)
            #expect(
                job.announcements.contains {
                    $0.hasPrefix("alta-launch: restart 1 of 2 in 0.2 s: rank 1 on ")
                        && $0.contains("in step 4 (forward)")
                }, "\(job.standardError)")
            // The first error is not lost behind the good end.
            #expect(job.standardError.contains("\n  1: rank 1 on "))
            #expect(job.text("run/ranks/rank-0.log").split(separator: "\n").count { $0.hasPrefix("-- restart 1") } == 1)
            #expect(job.text("run/ranks/launch.log").contains("-- restart 1"))
            #expect(job.remaining == 0)
        }

        @Test func everyFirstCauseStandsInTheReport() throws {
            let job = try FakeJob(
                "restart", options: Self.restarting, deaths: 9, status: StatusImage(step: 4, completedSteps: 3))
            #expect(try job.run() == 75)
            #expect(job.text("starts").split(separator: "\n").count { $0 == "start 1" } == 3)
            #expect(job.report.contains("  not started again: its 2 restarts are used up"))
            #expect(job.report.count { $0.hasPrefix("    1: rank 1 on ") || $0.hasPrefix("    2: rank 1 on ") } == 2)
            let failures = try FileManager.default.contentsOfDirectory(atPath: "\(job.folder)/run/ranks")
            #expect(failures.contains("status"))
        }

        @Test func withoutAGoodStepThereIsNoRestart() throws {
            let job = try FakeJob("restart", options: Self.restarting, deaths: 9, status: StatusImage(step: 1))
            #expect(try job.run() == 75)
            #expect(job.text("starts").split(separator: "\n").count { $0 == "start 1" } == 1)
            #expect(job.report.contains { $0.hasPrefix("  not started again: it completed no step") })
        }

        /// Where ranks could publish nothing, the run's log tells of good steps.
        @Test func stepsInTheLogAreGoodSteps() throws {
            let job = try FakeJob("logged", options: Self.restarting)
            #expect(try job.run() == 0)
            #expect(job.announcements.contains { $0.hasPrefix("alta-launch: restart 1 of 2") }, "\(job.standardError)")
        }

        @Test func aSignalEndsThePauseBeforeARestart() throws {
            let options = ["-n", "2", "--restarts", "2", "--restart-delay", "100"]
            let job = try FakeJob("restart", options: options, status: StatusImage(step: 4, completedSteps: 3))
            try job.start()
            for _ in 0..<3000 where !job.standardError.contains("restart 1 of 2") { usleep(20_000) }
            kill(job.identifier, SIGTERM)
            #expect(job.finish() == 75)
            #expect(job.report.contains("  not started again: SIGTERM asked for its end"), "\(job.report)")
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGUSR1]) func ranksSaveAfterASignal(signal: Int32) throws {
            let job = try FakeJob("save", options: Self.restarting)
            try job.start()
            job.waitForRanks()
            kill(job.identifier, signal)
            #expect(job.finish() == 75)
            let first = try #require(job.report.first)
            #expect(first.hasPrefix("error: stopped by SIG") && first.contains("after saving"), "\(job.report)")
            for rank in 0..<2 { #expect(job.text("run/ranks/rank-\(rank).log").contains("rank \(rank) saves\n")) }
            #expect(job.announcements.contains { $0.contains("save at the end of this step") })
            #expect(!job.standardError.contains("restart 1"))
            #expect(job.remaining == 0)
        }

        @Test func savingHasItsTime() throws {
            let job = try FakeJob("slow", options: ["-n", "2", "--grace", "1"])
            try job.start()
            job.waitForRanks()
            let start = ContinuousClock.now
            kill(job.identifier, SIGTERM)
            #expect(job.finish() == 75)
            let elapsed = start.duration(to: .now)
            // Much less than the 60 s that it would be without `--grace`.
            #expect(elapsed > .seconds(1) && elapsed < .seconds(30), "\(elapsed)")
            #expect(job.text("run/ranks/rank-0.log").contains("saves for ever"))
            #expect(job.remaining == 0)
        }

        /// Nobody is left to say it: rank 1 never starts, rank 0 stands still, both without a watchdog.
        @Test func aRankThatNeverStartsIsNamed() throws {
            let job = try FakeJob("absent", options: ["-n", "2", "--stall-timeout", "0.5"])
            #expect(try job.run() == 75)
            #expect(job.report.first?.hasPrefix("error: rank 1 never started: ") == true, "\(job.report)")
            #expect(job.remaining == 0)
        }

        /// Ranks of another host, and no run folder: the launcher sees nothing of them, and they do run. It would end them
        /// after 10.5 s.
        @Test func ranksThatCannotBeSeenAreLeftAlone() throws {
            let job = try FakeJob(
                "late", options: ["-n", "2", "--stall-timeout", "0.5"], subcommand: ["bench", "step"],
                otherHost: "elsewhere")
            #expect(try job.run() == 0, "\(job.report)")
            #expect(job.report.isEmpty)
            #expect(job.remaining == 0)
        }
    }
}
