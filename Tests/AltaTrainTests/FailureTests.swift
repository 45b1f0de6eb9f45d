import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// What goes wrong while a run is under way.
    @Suite struct Failures {
        @Test(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"), arguments: [0, 1])
        func aKilledRankIsNamedByTheLauncher(rank: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let arguments = try job.arguments("run", ["steps=100000"])
            let running = try RunningJob.start(
                JobRunner.program("alta-launch"), ["run", "-n", "2", "--"] + arguments)
            #expect(running.wait { (try? job.log("run"))?.steps.count ?? 0 > 2 })
            kill(try #require(running.process(ofRank: rank)), SIGKILL)
            let outcome = running.finish(limitSeconds: 30)
            expectFault(outcome, ["rank \(rank)", "signal 9"], exitCode: 75)
        }

        @Test(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
        func aFaultIsToldOnceThroughTheLauncher() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            try BadImage.empty.spoil(cohort.imagePath(2))
            let running = try RunningJob.start(
                JobRunner.program("alta-launch"), ["run", "-n", "3", "--"] + (try job.arguments("run")))
            expectFault(running.finish(), [BadImage.empty.message, cohort.imagePath(2), "row 4", "rank "])
        }

        /// A rate so large that the weights overflow: told once, before the update, and the log ends there.
        @Test(arguments: ["adapters", "all"]) func aLossThatIsNotFiniteIsTold(trainable: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let outcome = try job.run(
                "run", ranks: 2, ["learning_rate=1e36", "steps=50", "trainable=\(trainable)", "checkpoint_every=1"])
            expectFault(outcome, ["not finite"])
            let steps = try job.log("run").steps.count
            #expect((1..<50).contains(steps))
            #expect(try job.checkpointNames("run").last == String("step-0000000\(steps)"))
        }

        @Test(arguments: ["log.jsonl", "config.json.partial"]) func aFullDiskIsToldAtTheStart(name: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            try FileManager.default.createDirectory(
                atPath: job.output("run"), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: "\(job.output("run"))/\(name)", withDestinationPath: "/dev/full")
            expectFault(try job.run("run", ranks: 2), ["No space left on device", job.output("run")])
        }

        @Test func anOutputBelowAFileIsRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let output = "\(cohort.tablePath)/run"
            expectFault(try AlignJob.small(cohort).run("run", ranks: 2, ["output=\(output)"]), [output])
        }

        /// Checkpoints that cannot be written are warned of; the last one is a failure, for its weights would be lost.
        @Test func aCheckpointThatCannotBeWrittenIsTold() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1, ["steps=0"]))
            let folder = "\(job.output("run"))/checkpoints"
            try FileManager.default.removeItem(atPath: folder)
            try FileManager.default.createSymbolicLink(atPath: folder, withDestinationPath: "/proc/self")
            let outcome = try job.run("run", ranks: 2, ["steps=3", "checkpoint_every=1"])
            expectFault(outcome, ["checkpoint of step 3"])
            let warnings = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
            #expect(warnings.count == 2, "\(outcome.errors)")
            #expect(try job.log("run").events("checkpoint_failed").count == 2)
            #expect(try job.log("run").steps.count == 3)
        }

        /// Nobody reads the progress lines any more: the run goes on.
        @Test(arguments: [">/dev/full", "| true"]) func aClosedOutputEndsNoRun(redirection: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let command = ([JobRunner.program("alta-worker")] + (try job.arguments("run"))).joined(separator: " ")
            let running = try RunningJob.start("/bin/sh", ["-c", "\(command) \(redirection)"])
            expectDone(running.finish())
            #expect(try job.log("run").events("end").count == 1)
        }
    }
}
