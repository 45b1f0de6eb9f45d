import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

extension ComparedJobs {
    /// Ranks that share frozen weights, and ranks that do not.
    @Suite struct FrozenRuns {
        private static let copies = ["ALTA_FROZEN": "private"]

        /// Every file of a checkpoint is the same, byte for byte, and so is what was frozen.
        @Test(arguments: [2, 3]) func sharedOrNotTheRunIsTheSame(ranks: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let before = try Self.sharedMemoryNames()
            expectDone(try job.run("shared", ranks: ranks))
            expectDone(try job.run("copies", ranks: ranks, environment: Self.copies))
            for name in ["trainable", "optimizer"] {
                let files = try ["shared", "copies"].map { run in
                    try Data(contentsOf: URL(filePath: "\(job.checkpoint(run, step: 2))/\(name).safetensors"))
                }
                #expect(files[0] == files[1], "\(name)")
            }
            let frozen = try ["shared", "copies"].map {
                try Data(contentsOf: URL(filePath: "\(job.output($0))/frozen.safetensors"))
            }
            #expect(frozen[0] == frozen[1] && frozen[0].count > 100_000)
            #expect(try job.log("shared").exactLines() == job.log("copies").exactLines())
            #expect(try Self.sharedMemoryNames() == before)
        }

        /// What was trained on shared weights goes on, and is evaluated, on copies, and the other way round.
        @Test func checkpointsDoNotTell() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("whole", ranks: 2, ["steps=4"]))
            expectDone(try job.run("stopped", ranks: 2))
            expectDone(try job.run("stopped", ranks: 3, ["steps=4"], environment: Self.copies))
            #expect(try job.trainable("stopped", step: 4) == job.trainable("whole", step: 4))
            let scores = try [[:], Self.copies].map { environment in
                let outcome = try JobRunner.run(
                    "alta-worker", ranks: 2, ["evaluate", "--checkpoint", job.output("whole"), "--json"],
                    environment: environment)
                expectDone(outcome)
                return outcome.output
            }
            #expect(scores[0] == scores[1] && scores[0].contains("recall_1"))
        }

        @Test func anUnknownWayOfSharingIsAnError() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let outcome = try AlignJob.small(cohort).run("run", ranks: 2, environment: ["ALTA_FROZEN": "both"])
            expectFault(outcome, ["ALTA_FROZEN is both", "shared or private"])
        }

        /// The estimate behind `micro_batch: 0` is from above, and no wild one: reports of the full length, a small model.
        @Test(arguments: ["fp32", "auto"]) func memoryOfActivationsIsAsPlanned(precision: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1, ["precision=\(precision)", "micro_batch=4"]))
            let log = try job.log("run")
            let measured = try #require(log.events("end").first?["activation_bytes"]?.int)
            let config = try RunConfig.load(
                path: "\(job.folder)/run.json",
                overrides: ["precision=\(log.events("start").first?["precision"]?.string ?? precision)"])
            let planned =
                4
                * MemoryPlan(config: config.model).bytesPerStudy(
                    tokens: config.model.maxTokens, precision: config.precision)
            #expect((planned / Self.planFactor...planned).contains(measured), "\(measured) of \(planned)")
        }

        /// By how much the plan may exceed what a run with short reports takes.
        private static let planFactor = 4

        private static func sharedMemoryNames() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter { $0.contains("alta") }
        }
    }
}
