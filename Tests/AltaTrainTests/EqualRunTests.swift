import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// A run is defined by its global batch: rank count and micro-batch change nothing.
    @Suite struct EqualRuns {
        /// How far the losses of one step may be apart, relatively, where sums are in floating point.
        static let lossTolerance = 1e-4

        /// For how many steps floating-point sums keep within it: without warm-up, AdamW makes whole steps of gradients
        /// that are nothing but rounding, and a difference grows tenfold a step (measured from 1e-7 in step 2: 2e-5 in
        /// step 4, 2e-4 in step 6).
        static let floatingSteps = 4

        /// The 116 real studies with a published vocabulary, or nil.
        static let radiographs = SharedMaterial.shared("radiographs/train.csv")
        static let vocabulary = SharedMaterial.shared("vocabulary/bert-base-uncased.txt")
        static let hasRadiographs = radiographs != nil && vocabulary != nil

        /// Runs with everything equal but (ranks, micro-batch): every loss of every step is the first run's.
        private func expectEqualRuns(_ job: AlignJob, _ cases: [(ranks: Int, microBatch: Int)], steps: Int) throws {
            var first: RunLog?
            for (ranks, microBatch) in cases {
                let name = "run-\(ranks)-\(microBatch)"
                expectDone(
                    try job.run(name, ranks: ranks, ["micro_batch=\(microBatch)", "steps=\(steps)"], limitSeconds: 300))
                let log = try job.log(name)
                #expect(log.steps.keys.sorted() == Array(1...steps))
                let reference = first ?? log
                first = reference
                for step in 1...steps {
                    let expected = reference.losses(step)
                    #expect(expected.count == 5)
                    for (loss, value) in log.losses(step) {
                        let other = try #require(expected[loss])
                        #expect(abs(value - other) <= Self.lossTolerance * abs(other), "\(name) step \(step) \(loss)")
                    }
                }
            }
        }

        /// As above, and bit for bit.
        private func expectSameRuns(_ job: AlignJob, _ cases: [(ranks: Int, microBatch: Int)], steps: Int) throws {
            try expectEqualRuns(job, cases, steps: steps)
            let names = cases.map { "run-\($0.ranks)-\($0.microBatch)" }
            let lines = try job.log(names[0]).exactLines()
            let weights = try job.trainable(names[0], step: steps)
            for name in names.dropFirst() {
                #expect(try job.log(name).exactLines() == lines, "\(name)")
                #expect(try job.trainable(name, step: steps) == weights, "\(name)")
            }
            #expect(Set(lines.map { $0.split(separator: ":").dropFirst().joined() }).count == steps, "nothing changes")
        }

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
            try expectSameRuns(job, [(1, 0), (2, 0), (3, 0), (2, 2)], steps: 12)
            job.settings["trainable"] = "all"
            try FileManager.default.createDirectory(atPath: "\(folder)/all", withIntermediateDirectories: true)
            try expectEqualRuns(
                AlignJob(folder: "\(folder)/all", settings: job.settings), [(1, 0), (2, 0)], steps: Self.floatingSteps)
            try FileManager.default.createDirectory(atPath: "\(folder)/exact", withIntermediateDirectories: true)
            job.settings["deterministic"] = true
            try expectSameRuns(AlignJob(folder: "\(folder)/exact", settings: job.settings), [(1, 0), (2, 0)], steps: 6)
        }

        @Test(arguments: ["adapters", "all"]) func sampleStudiesAtAnyRankCount(trainable: String) throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["global_batch"] = 5
            job.settings["trainable"] = .string(trainable)
            job.settings["deterministic"] = true
            try expectSameRuns(job, [(1, 0), (1, 2), (2, 0), (3, 1), (4, 0), (7, 0)], steps: 5)
        }

        /// Three ranks hold 5 studies as 2, 2 and 1.
        @Test func floatingSumsAgreeWithinTolerance() throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["global_batch"] = 5
            job.settings["trainable"] = "all"
            try expectEqualRuns(job, [(1, 0), (2, 0), (3, 0), (3, 1)], steps: Self.floatingSteps)
        }

        @Test func anotherSeedIsAnotherRun() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("one", ranks: 2))
            expectDone(try job.run("two", ranks: 2, ["seed=2"]))
            #expect(try job.log("one").exactLines() != job.log("two").exactLines())
        }
    }
}
