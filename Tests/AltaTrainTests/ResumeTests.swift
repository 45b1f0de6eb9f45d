import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// A run that was stopped and goes on, with any number of ranks, is the run that was never stopped.
    @Suite struct ResumedRuns {
        /// Ten steps in one go, a checkpoint after every second.
        private static func undisturbed(_ cohort: SampleCohort, absentViews: String = "each") throws -> AlignJob {
            var job = AlignJob.small(cohort)
            job.settings["absent_views"] = .string(absentViews)
            job.settings["checkpoint_every"] = 2
            job.settings["steps"] = 10
            job.settings["keep_checkpoints"] = 100
            expectDone(try job.run("whole", ranks: 2))
            return job
        }

        private static func expectEqualEnds(_ job: AlignJob, _ name: String, steps: Int = 10) throws {
            #expect(try job.log(name).exactLines() == job.log("whole").exactLines(), "\(name)")
            #expect(try job.trainable(name, step: steps) == job.trainable("whole", step: steps), "\(name)")
        }

        @Test(arguments: ["each", "shared"]) func withAnyNumberOfRanks(absentViews: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.undisturbed(cohort, absentViews: absentViews)
            for (before, after) in [(1, 3), (3, 1), (2, 2)] {
                let name = "from-\(before)-to-\(after)"
                expectDone(try job.run(name, ranks: before, ["steps=5"]))
                expectDone(try job.run(name, ranks: after, ["micro_batch=1"]))
                try Self.expectEqualEnds(job, name)
                let starts = try job.log(name).events("start").map { $0["first_step"]?.int }
                #expect(starts == [1, 6])
            }
        }

        @Test func everyWeightTrained() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["trainable"] = "all"
            job.settings["steps"] = 6
            expectDone(try job.run("whole", ranks: 2))
            expectDone(try job.run("stopped", ranks: 2, ["steps=3"]))
            expectDone(try job.run("stopped", ranks: 2))
            try Self.expectEqualEnds(job, "stopped", steps: 6)
        }

        /// A table that was edited, or frozen weights that were replaced, are not what the checkpoint was trained on.
        @Test func otherContentIsRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1))
            let table = try String(contentsOfFile: cohort.tablePath, encoding: .utf8)
            let edited = table + (table.split(separator: "\n").last ?? "") + "\n"
            try edited.write(toFile: cohort.tablePath, atomically: true, encoding: .utf8)
            expectFault(try job.run("run", ranks: 2, ["steps=3"]), ["the table of studies is not"])
            try table.write(toFile: cohort.tablePath, atomically: true, encoding: .utf8)

            let frozen = "\(job.output("run"))/frozen.safetensors"
            var bytes = try Data(contentsOf: URL(filePath: frozen))
            bytes[bytes.count - 2] ^= 1
            try bytes.write(to: URL(filePath: frozen))
            expectFault(try job.run("run", ranks: 2, ["steps=3"]), ["the frozen weights are not"])
            let evaluation = ["evaluate", "--checkpoint", job.output("run")]
            expectFault(try JobRunner.run("alta-worker", ranks: 2, evaluation), ["the frozen weights are not"])
        }

        @Test func autoNullAndPath() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.undisturbed(cohort)
            for (name, resume) in [("of-run", job.output("whole")), ("of-step", job.checkpoint("whole", step: 4))] {
                expectDone(try job.run(name, ranks: 1, ["resume=\(resume)", "steps=12"]))
                let first = resume == job.output("whole") ? 11 : 5
                #expect(try job.log(name).steps.keys.sorted() == Array(first...12))
            }
            #expect(try job.trainable("of-run", step: 12) == job.trainable("of-step", step: 12))
            expectDone(try job.run("of-step", ranks: 1, ["resume=null", "steps=1"]))
            #expect(try job.log("of-step").steps.keys.sorted() == [1] + Array(5...12))
            expectFault(
                try job.run("none", ranks: 2, ["resume=\(cohort.folder)/nowhere"]), ["no valid checkpoint", "nowhere"])
        }

        /// Where an older step is gone back to, the checkpoints of the steps given up do not take the place of new ones.
        @Test func startingAfreshSupersedesOlderCheckpoints() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.undisturbed(cohort)
            expectDone(try job.run("whole", ranks: 1, ["resume=null", "steps=4", "keep_checkpoints=1", "seed=2"]))
            #expect(try job.checkpointNames("whole") == ["step-00000004"])
            // What was given up is kept under another name, for whoever began afresh by mistake.
            #expect(try job.folderNames("whole", prefix: "superseded-").contains("superseded-step-00000010"))
            expectDone(try job.run("whole", ranks: 1, ["steps=5", "keep_checkpoints=1", "seed=2"]))
            #expect(try job.log("whole").events("start").last?["first_step"]?.int == 5)
            // The frozen weights of seed 1 went aside with the checkpoints that need them.
            #expect(FileManager.default.fileExists(atPath: "\(job.output("whole"))/superseded-frozen.safetensors"))
        }

        /// A run begun afresh by mistake, and stopped before its first checkpoint, has harmed nothing.
        @Test func startingAfreshHarmsNothingBeforeItsFirstCheckpoint() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.undisturbed(cohort)
            let mistake = ["resume=null", "seed=2", "learning_rate=1e30", "checkpoint_every=100"]
            let outcome = try job.run("whole", ranks: 2, mistake)
            #expect(outcome.exitCode == 1)
            expectDone(try job.run("whole", ranks: 2, ["steps=12"]))
            #expect(try job.log("whole").events("start").last?["first_step"]?.int == 11)
        }

        @Test(arguments: ["state.json", "trainable.safetensors", "optimizer.safetensors"])
        func aDamagedCheckpointIsPassedOver(file: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.undisturbed(cohort)
            for (step, bytes) in [(10, 0), (8, 40)] {
                let path = "\(job.checkpoint("whole", step: step))/\(file)"
                let whole = try Data(contentsOf: URL(filePath: path))
                try whole.prefix(bytes).write(to: URL(filePath: path))
            }
            let partial = "\(job.output("whole"))/checkpoints/.partial-step-00000099"
            try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
            let before = try job.log("whole").exactLines()
            let outcome = try job.run("whole", ranks: 2, ["keep_checkpoints=1"])
            expectDone(outcome)
            let notices = outcome.output.split(separator: "\n").filter { $0.contains("passing over a checkpoint") }
            #expect(notices.count == 2 && notices.allSatisfy { $0.contains(file) }, "\(outcome.output)")
            #expect(try job.log("whole").events("start").last?["first_step"]?.int == 7)
            #expect(try job.log("whole").exactLines() == before)
            let left = try job.checkpointNames("whole").filter { $0.hasPrefix("step-") }
            #expect(left == ["step-00000010"])
        }

        @Test func olderCheckpointsAreRemoved() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(
                try job.run("kept", ranks: 2, ["steps=7", "checkpoint_every=2", "keep_checkpoints=2"]))
            #expect(try job.checkpointNames("kept") == ["step-00000006", "step-00000007"])
            let files = try FileManager.default.contentsOfDirectory(atPath: job.checkpoint("kept", step: 7)).sorted()
            #expect(files == ["complete.json", "optimizer.safetensors", "state.json", "trainable.safetensors"])
        }

        @Test(arguments: [
            ("seed=2", "seed: 2 here, 1 there"), ("global_batch=5", "global_batch: 5 here, 4 there"),
            ("model.width=64", "model.width: 64 here, 32 there"), ("trainable=all", "trainable: \"all\" here"),
            ("absent_views=shared", "absent_views: \"shared\" here"),
        ])
        func aCheckpointOfAnotherRunIsRefused(change: String, part: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1))
            let before = try Data(contentsOf: URL(filePath: "\(job.output("run"))/config.json"))
            let outcome = try job.run("run", ranks: 2, [change])
            expectFault(outcome, ["another run", part, "step-00000002"])
            #expect(try Data(contentsOf: URL(filePath: "\(job.output("run"))/config.json")) == before)
        }

        @Test func aLineCutOffByAKillIsNoneOfTheLog() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1))
            let path = "\(job.output("run"))/log.jsonl"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try cohort.write(text + #"{"step":3,"epo"#, to: path)
            expectDone(try job.run("run", ranks: 1, ["steps=3"]))
            #expect(try job.log("run").steps.keys.sorted() == [1, 2, 3])
        }
    }
}
