import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Runs that are asked to save and stop: by a batch system, or the launcher.
    @Suite struct StopSignals {
        private static let steps = 400

        private static func job(_ cohort: SampleCohort) -> AlignJob {
            var job = AlignJob.small(cohort)
            job.settings["steps"] = .integer(steps)
            return job
        }

        /// One rank gets the signal, or all by way of mpirun: every rank stops after the same step, with a checkpoint that no
        /// schedule asked for, and the run goes on from it as if nothing had happened.
        @Test(arguments: [(SIGUSR1, nil), (SIGUSR1, 1), (SIGTERM, 0)] as [(Int32, Int?)])
        func aSignalSavesAndStops(signal: Int32, rank: Int?) throws {
            let cohort = try SampleCohort.make(8)
            defer { cohort.remove() }
            let job = Self.job(cohort)
            let running = try JobRunner.start(
                "alta-worker", ranks: 2, try job.arguments("stopped", ["checkpoint_every=1000"]))
            let lines = { (try? job.log("stopped"))?.steps.count ?? 0 }
            #expect(running.wait { lines() >= 3 })
            let target = try rank.map { try #require(running.process(ofRank: $0)) } ?? running.identifier
            kill(target, signal)
            let outcome = running.finish()
            #expect(outcome.exitCode == 75 && outcome.remaining == 0, "\(outcome.errors)")
            #expect(outcome.errorLines.isEmpty, "\(outcome.errors)")

            let log = try job.log("stopped")
            let last = try #require(log.steps.keys.max())
            let event = try #require(log.events("stopped").first)
            #expect(last < Self.steps && event["step"]?.int == last && event["signal"]?.int == Int(signal))
            #expect(outcome.output.contains("stopped by signal \(signal) after step \(last) of \(Self.steps)"))
            #expect(FileManager.default.fileExists(atPath: "\(job.checkpoint("stopped", step: last))/state.json"))

            let end = "steps=\(last + 5)"
            expectDone(try job.run("stopped", ranks: 1, [end]))
            expectDone(try job.run("whole", ranks: 2, [end]))
            #expect(try job.log("stopped").exactLines() == job.log("whole").exactLines())
            #expect(try job.trainable("stopped", step: last + 5) == job.trainable("whole", step: last + 5))
        }

        /// In the midst of a validation too: it is left, its step has a checkpoint, and the next start validates.
        @Test(arguments: [1, 1000]) func aSignalEndsAValidation(every: Int) throws {
            let cohort = try SampleCohort.make(8)
            defer { cohort.remove() }
            var long = try SampleCohort.make(8)
            defer { long.remove() }
            // Most of a minute, which no stop would wait for.
            long.rows = Array(repeating: long.rows, count: 2500).flatMap { $0 }
            try long.writeTable()
            var job = AlignJob.small(cohort)
            job.validate(on: long)
            job.settings["steps"] = 3
            let changes = ["checkpoint_every=\(every)"]
            let running = try JobRunner.start("alta-worker", ranks: 2, try job.arguments("run", changes))
            #expect(running.wait { ((try? job.log("run"))?.steps.count ?? 0) >= 2 })
            usleep(300_000)
            kill(running.identifier, SIGUSR1)
            let outcome = running.finish()
            #expect(outcome.exitCode == 75 && outcome.remaining == 0 && outcome.errorLines.isEmpty, "\(outcome.errors)")
            #expect(outcome.seconds < 10)
            let log = try job.log("run")
            #expect(log.steps.count == 2 && log.events("validation").isEmpty)
            #expect(log.events("stopped").first?["step"]?.int == 2)
            #expect(try job.checkpointNames("run").contains("step-00000002"))
            job.validate(on: cohort)
            expectDone(try job.run("run", ranks: 1, changes))
            #expect(try job.log("run").events("validation").map { $0["step"]?.int } == [2, 3])
        }

        /// Where nothing trains there is nothing to save: the signal ends the job at once.
        @Test func otherCommandsEndAtOnce() throws {
            let running = try JobRunner.start(
                "alta-worker", ranks: 1, ["bench", "step", "--model", "alta-tiny", "--steps", "100000"])
            #expect(running.wait { running.output.contains("seconds_per_step") })
            let rank = try #require(running.process(ofRank: 0))
            kill(rank, SIGTERM)
            #expect(running.finish().exitCode == JobRunner.family.exitCode(ofSignal: SIGTERM))
        }
    }
}
