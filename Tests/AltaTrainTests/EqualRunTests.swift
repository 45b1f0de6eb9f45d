import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// A run is defined by its global batch: rank count and micro-batch change nothing.
    @Suite struct EqualRuns {
        /// The 116 real studies with a published vocabulary, or nil.
        static let radiographs = SharedMaterial.shared("radiographs/train.csv")
        static let vocabulary = SharedMaterial.shared("vocabulary/bert-base-uncased.txt")
        static let hasRadiographs = radiographs != nil && vocabulary != nil

        @Test(.enabled(if: hasRadiographs, "needs ../shared/radiographs"))
        func realRadiographsAtAnyRankCount() throws {
            let folder = try SharedMaterial.temporaryFolder("radiographs")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var job = AlignJob(
                folder: folder,
                settings: [
                    "model": "alta-tiny", "global_batch": 14, "learning_rate": 0.001, "warmup_epochs": 0,
                    "epochs": 1000, "precision": "fp32",
                    "data": [
                        "train": .string(Self.radiographs ?? ""), "vocabulary": .string(Self.vocabulary ?? ""),
                    ],
                ])
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 0), (3, 0), (2, 2)], steps: 12)
            job.settings["trainable"] = "all"
            try FileManager.default.createDirectory(atPath: "\(folder)/all", withIntermediateDirectories: true)
            try EqualRunCheck.expectEqualRuns(
                AlignJob(folder: "\(folder)/all", settings: job.settings), [(1, 0), (2, 0)],
                steps: EqualRunCheck.floatingSteps)
            try FileManager.default.createDirectory(atPath: "\(folder)/exact", withIntermediateDirectories: true)
            job.settings["deterministic"] = true
            try EqualRunCheck.expectSameRuns(
                AlignJob(folder: "\(folder)/exact", settings: job.settings), [(1, 0), (2, 0)], steps: 6)
        }

        /// Ranks that are processes; `AssignmentTests` has more micro-batches, and other deals, over threads.
        @Test(arguments: ["adapters", "all"], ["fp32", "bf16"])
        func sampleStudiesAtAnyRankCount(trainable: String, precision: String) throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["precision"] = .string(precision)
            job.settings["global_batch"] = 5
            job.settings["trainable"] = .string(trainable)
            job.settings["deterministic"] = true
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 2), (3, 1), (4, 0), (7, 0)], steps: 20)
        }

        /// Seven ranks hold 5 studies: one has none, and goes back through the views that the others share.
        @Test(arguments: ["adapters", "all"], ["fp32", "bf16"])
        func sharedAbsentViewsAtAnyRankCount(trainable: String, precision: String) throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["absent_views"] = "shared"
            job.settings["precision"] = .string(precision)
            job.settings["global_batch"] = 5
            job.settings["trainable"] = .string(trainable)
            job.settings["deterministic"] = true
            try EqualRunCheck.expectSameRuns(
                job, [(1, 0), (1, 2), (2, 1), (3, 0), (7, 0)], steps: 5)
            expectDone(try job.run("each", ranks: 2, ["absent_views=each", "steps=5"]))
            #expect(try job.log("each").computed() != job.log("run-1-0").computed())
        }

        /// Where no study lacks a view, nothing is shared and the run is the published one; where all lack all, too, ranks
        /// agree.
        @Test(arguments: [true, false]) func sharedAbsentViewsAtTheEnds(isComplete: Bool) throws {
            var cohort = try SampleCohort.make(6)
            defer { cohort.remove() }
            for index in cohort.rows.indices {
                let frontal = cohort.rows[index].views[0]
                cohort.rows[index].views = [frontal] + Array(repeating: isComplete ? frontal : "-1", count: 3)
            }
            try cohort.writeTable()
            var job = AlignJob.small(cohort)
            job.settings["absent_views"] = "shared"
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 1), (3, 0)], steps: 3)
            expectDone(try job.run("each", ranks: 1, ["absent_views=each", "steps=3"]))
            let (each, shared) = (try job.log("each"), try job.log("run-1-0"))
            #expect((try each.computed() == shared.computed()) == isComplete)
            #expect(try !isComplete || each.exactLines() == shared.exactLines())
        }

        /// One machine cut into nodes of two ranks (the last has one), and ranks that cannot share memory.
        @Test(arguments: [true, false], ["each", "shared"])
        func nodesLeaveTheRun(deterministic: Bool, absentViews: String) throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["absent_views"] = .string(absentViews)
            job.settings["global_batch"] = 5
            job.settings["deterministic"] = .bool(deterministic)
            let environments = [
                (1, [:]), (4, ["ALTA_RANKS_PER_NODE": "2"]), (5, ["ALTA_RANKS_PER_NODE": "2"]),
                (3, ["OMPI_MCA_osc_sm_backing_directory": "/proc"]),
            ]
            for (index, (ranks, environment)) in environments.enumerated() {
                let outcome = try job.run("\(index)", ranks: ranks, ["steps=3"], environment: environment)
                expectDone(outcome)
                // /proc has no room for anything.
                let isRefused = environment.values.contains("/proc")
                #expect(outcome.output.contains("ranks do not share memory") == isRefused, "\(outcome.output)")
                guard deterministic else { continue }
                #expect(try job.log("\(index)").exactLines() == job.log("0").exactLines(), "\(environment)")
                #expect(try job.trainable("\(index)", step: 3) == job.trainable("0", step: 3), "\(environment)")
            }
        }

        /// Three ranks hold 5 studies as 2, 2 and 1.
        @Test(arguments: ["each", "shared"]) func floatingSumsAgreeWithinTolerance(absentViews: String) throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["absent_views"] = .string(absentViews)
            job.settings["global_batch"] = 5
            job.settings["trainable"] = "all"
            try EqualRunCheck.expectEqualRuns(
                job, [(1, 0), (2, 0), (3, 0), (3, 1)], steps: EqualRunCheck.floatingSteps)
        }

        @Test func anotherSeedIsAnotherRun() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("one", ranks: 2))
            expectDone(try job.run("two", ranks: 2, ["seed=2"]))
            #expect(try job.log("one").computed() != job.log("two").computed())
        }
    }
}
