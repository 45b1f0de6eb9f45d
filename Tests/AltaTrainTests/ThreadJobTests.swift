import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Jobs of `alta-worker` whose ranks are threads of it.
    @Suite struct ThreadJobs {
        private func run(
            _ job: AlignJob, _ name: String, ranks: String, _ changes: [String] = [],
            _ variables: [String: String] = [:]
        ) throws -> JobOutcome {
            try RunningJob.start(
                JobRunner.program("alta-worker"), try job.arguments(name, changes),
                environment: ["ALTA_RANKS_AS_THREADS": ranks].merging(variables) { $1 }
            ).finish(limitSeconds: 120)
        }

        @Test(arguments: ["align", "pretrain"]) func theyGiveTheBitsOfProcesses(command: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = command == "align" ? AlignJob.small(cohort) : AlignJob.pretraining(cohort)
            job.settings["deterministic"] = true
            let changes = ["steps=3", "checkpoint_every=2", "data.validation=\(cohort.tablePath)"]
            expectDone(try job.run("processes", ranks: 3, changes))
            expectDone(try run(job, "threads", ranks: "3", changes))
            #expect(try job.log("threads").exactLines() == (try job.log("processes").exactLines()))
            #expect(try job.trainable("threads", step: 3) == (try job.trainable("processes", step: 3)))
            #expect(Set(try job.log("threads").computed()).count == 3, "nothing changes")
        }

        /// What one rank alone meets is told once, as over MPI, and every thread ends.
        @Test func aFaultIsToldOnce() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try BadImage.empty.spoil(cohort.imagePath(2))
            let outcome = try run(AlignJob.small(cohort), "run", ranks: "3")
            expectFault(outcome, [BadImage.empty.message, cohort.imagePath(2), "row 4", "rank "])
        }

        /// What every rank finds is told by one.
        @Test func wrongArgumentsAreToldOnce() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectFault(try run(job, "run", ranks: "3", ["globalbatch=3"]), ["globalbatch"])
            let outcome = try RunningJob.start(
                JobRunner.program("alta-worker"), ["align", "--nonsense"],
                environment: ["ALTA_RANKS_AS_THREADS": "2"]
            ).finish()
            expectFault(outcome, ["--nonsense"], exitCode: 2)
        }

        @Test(arguments: ["0", "two", "1025", "-1", ""]) func noNumberOfRanks(text: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            expectFault(try run(.small(cohort), "run", ranks: text), ["ALTA_RANKS_AS_THREADS is \(text)"])
        }

        @Test func underMpirunTheyAreRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let outcome = try AlignJob.small(cohort).run("run", ranks: 2, environment: ["ALTA_RANKS_AS_THREADS": "2"])
            #expect(outcome.exitCode == 1)
            #expect(outcome.errorLines.allSatisfy { $0.contains("is set under mpirun") } && !outcome.errorLines.isEmpty)
        }

        @Test(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
        func theLauncherStartsThem() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let outcome = try RunningJob.start(
                JobRunner.program("alta-launch"),
                ["debug", "--threads", "-n", "2", "--"] + (try job.arguments("run"))
            ).finish(limitSeconds: 60)
            expectDone(outcome)
            #expect(outcome.output.contains("step 2/2"))
            #expect(try job.log("run").steps.count == 2)
        }

        @Test func naiveKernelsTrainToTheSameLossesAndKnowFullPrecisionOnly() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let naive = ["ALTA_KERNELS": "naive"]
            expectDone(try run(job, "naive", ranks: "2", ["precision=auto"], naive))
            expectDone(try run(job, "fast", ranks: "2"))
            for (loss, value) in try job.log("naive").losses(1) {
                let other = try #require(try job.log("fast").losses(1)[loss])
                #expect(abs(value - other) < 1e-5 * abs(other), "\(loss): \(value) \(other)")
            }
            expectFault(try run(job, "half", ranks: "2", ["precision=bf16"], naive), ["ALTA_KERNELS=naive", "fp32"])
        }
    }
}
