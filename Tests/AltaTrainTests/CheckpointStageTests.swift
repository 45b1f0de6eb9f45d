import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

extension WorkerJobs {
    /// What holds whenever the writing of a checkpoint ends: between any two of its steps.
    @Suite struct CheckpointStages {
        /// What pretraining loses on its validation falls with nearly every epoch, so that there is a new best one.
        private static func job(_ cohort: SampleCohort) -> AlignJob {
            var job = AlignJob.pretraining(cohort)
            job.settings["deterministic"] = true
            job.settings["steps"] = 80
            job.settings["checkpoint_every"] = 2
            job.settings["keep_checkpoints"] = 2
            job.validate(on: cohort)
            return job
        }

        private static func start(_ job: AlignJob, _ name: String, _ plan: [String]) throws -> JobOutcome {
            try JobRunner.runAlone("alta-kill-check", [job.command, job.arguments(name)[1]] + plan)
        }

        /// Every start is killed at the next stage: its checkpoint is there from the rename on, and not before; no earlier
        /// one is lost, and the next start goes on from the newest.
        @Test func killedAtEveryStage() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            expectDone(try job.run("whole", ranks: 1))
            let run = KilledRun(job: job, name: "killed", keep: 2)
            let lateStages = CheckpointStage.allCases.drop { $0 != .inPlace }
            var newest = 0
            for stage in [.bestBegun, .bestWritten] + CheckpointStage.allCases.filter({ $0 != .setAside }) {
                let outcome = try Self.start(job, "killed", ["stage", stage.rawValue])
                #expect(outcome.exitCode == SIGKILL && outcome.errors == "", "\(stage): \(outcome.errors)")
                let whole = run.whole
                let expected = lateStages.contains(stage) ? newest + 2 : newest
                // Which validation is the best so far is not known before, and it may be one that the start makes up for.
                let isOfBest = [.bestBegun, .bestWritten, .olderRenamed, .olderRemoved].contains(stage)
                #expect(isOfBest ? whole.last ?? 0 >= newest : whole.last ?? 0 == expected, "\(stage): \(whole)")
                let kept = newest == 0 ? [] : [newest]
                #expect(Set(kept).isSubset(of: whole), "\(stage): \(newest) is lost, there are \(whole)")
                newest = whole.last ?? 0
            }
            expectDone(try job.run("killed", ranks: 2))
            let firsts = try job.log("killed").events("start").compactMap { $0["first_step"]?.int }
            #expect(firsts == firsts.sorted() && firsts.count == CheckpointStage.allCases.count + 2)
            #expect(try job.log("killed").exactLines() == job.log("whole").exactLines())
            #expect(try job.trainable("killed", step: 80) == job.trainable("whole", step: 80))
            try Self.expectNoLeftovers(job, "killed", checkpoints: 3)
        }

        /// Nothing temporary, the newest two and the best.
        private static func expectNoLeftovers(_ job: AlignJob, _ name: String, checkpoints: Int) throws {
            let names = try job.folderNames(name)
            #expect(names.allSatisfy { $0.hasPrefix("step-") || $0 == "best.json" }, "\(names)")
            #expect(names.count { $0.hasPrefix("step-") } <= checkpoints, "\(names)")
        }

        /// One checkpoint after the other fails at the next stage, as on a full disk: the run goes on, nothing partial stays,
        /// and the checkpoint before stays as it was. One that fails when it has its name already is told of too, but it
        /// counts: the next one does not set it aside.
        @Test func failingAtEveryStage() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = Self.job(cohort)
            job.settings["checkpoint_every"] = 1
            job.settings["steps"] = 1
            job.settings["data"] = AlignJob.pretraining(cohort).settings["data"]
            expectDone(try Self.start(job, "failing", ["none"]))
            let first = try job.trainable("failing", step: 1)
            let failures = CheckpointStage.allCases.prefix { $0 != .setAside }.count + 2
            job.settings["steps"] = .integer(failures)
            let outcome = try Self.start(job, "failing", ["fail", "each"])
            expectFault(outcome, ["cannot write the checkpoint of step \(failures)", "No space left"])
            let warnings = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
            #expect(warnings.count == failures - 2, "\(outcome.errors)")
            #expect(try job.log("failing").events("checkpoint_failed").map { $0["step"]?.int } == Array(2..<failures))
            #expect(try job.trainable("failing", step: 1) == first)
            let placed = [1, failures - 1, failures]
            #expect(KilledRun(job: job, name: "failing", keep: 2).whole == placed)
            #expect(try job.folderNames("failing").count == placed.count)
            job.settings["steps"] = .integer(failures + 1)
            expectDone(try Self.start(job, "failing", ["none"]))
            #expect(try job.log("failing").events("start").last?["first_step"]?.int == failures + 1)
            #expect(try job.checkpointNames("failing").count == 2)
        }

        /// The last checkpoint's failure ends every rank, in time and told once; the one before stays, and the run can go on.
        @Test(arguments: [1, 3]) func theLastOneFailing(ranks: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = Self.job(cohort)
            job.settings["steps"] = 4
            expectDone(try job.run("whole", ranks: 1))
            let arguments = [job.command, try job.arguments("failing")[1], "fail", "optimizerUnflushed", "4"]
            let outcome = try JobRunner.run("alta-kill-check", ranks: ranks, arguments)
            expectFault(outcome, ["cannot write the checkpoint of step 4", "No space left"])
            #expect(try job.checkpointNames("failing").filter { $0 != "best.json" } == ["step-00000002"])
            expectDone(try job.run("failing", ranks: ranks))
            #expect(try job.trainable("failing", step: 4) == job.trainable("whole", step: 4))
        }

        /// Training goes on while a checkpoint is written, which is as its step was; the next one waits for it. The writing
        /// of each waits for two more steps: were they to wait for it, the checkpoint would fail.
        @Test func writtenBesideTraining() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = Self.job(cohort)
            job.settings["steps"] = 8
            job.settings["checkpoint_every"] = 3
            job.settings["data"] = AlignJob.pretraining(cohort).settings["data"]
            expectDone(try job.run("whole", ranks: 1))
            expectDone(try Self.start(job, "slow", ["beside", "8"]))
            let lines = try job.log("slow").lines
            let written = try #require(lines.firstIndex { $0["event"]?.string == "checkpoint" })
            let nextStep = try #require(lines.firstIndex { $0["losses"] != nil && $0["step"]?.int == 5 })
            #expect(nextStep < written, "step 5 waited for the checkpoint of step 3")
            #expect(try job.log("slow").events("checkpoint_failed").isEmpty)
            let events = try job.log("slow").events("checkpoint")
            #expect(events.map { $0["step"]?.int } == [3, 6, 8])
            for step in [6, 8] { #expect(try job.trainable("slow", step: step) == job.trainable("whole", step: step)) }
        }
    }
}
