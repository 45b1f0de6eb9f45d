import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// The contract of a training step: any rank count and micro-batch give the bits of one rank that does all at once, with
    /// dropout, masking and augmentation on, whatever the studies lack.
    @Suite struct Contract {
        typealias Case = (ranks: Int, microBatch: Int)

        /// Every rank count with every micro-batch; 0: the whole share.
        static let matrix: [Case] = (1...5).flatMap { ranks in [0, 1, 2].map { (ranks, $0) } }
        /// One micro-batch of each rank count.
        static let diagonal: [Case] = [(1, 0), (2, 1), (3, 2), (4, 1), (5, 0)]

        /// Seven studies a step, which 2 to 5 ranks do not divide; dropout, where it shows.
        private static func job(_ cohort: SampleCohort, _ command: String = "align") -> AlignJob {
            var job = command == "align" ? AlignJob.small(cohort) : .pretraining(cohort)
            job.settings["global_batch"] = 7
            job.settings["dropout"] = 0.3
            job.settings["deterministic"] = true
            return job
        }

        /// 16 studies: two steps of 7 an epoch, so the third step is of a second one.
        @Test(arguments: ["align", "pretrain"]) func randomStudiesAtEveryRankCountAndMicroBatch(command: String) throws
        {
            let cohort = try SampleCohort.random(16, seed: 1)
            defer { cohort.remove() }
            try EqualRunCheck.expectSameRuns(Self.job(cohort, command), Self.matrix, steps: 3)
        }

        @Test(arguments: [2, 3] as [UInt64]) func randomStudiesInHalfPrecision(seed: UInt64) throws {
            let cohort = try SampleCohort.random(16, seed: seed)
            defer { cohort.remove() }
            var job = Self.job(cohort)
            job.settings["precision"] = "bf16"
            job.settings["absent_views"] = seed == 2 ? "each" : "shared"
            try EqualRunCheck.expectSameRuns(job, Self.diagonal, steps: 3)
        }

        /// No token of any report is in the vocabulary, so none is ever masked.
        @Test func aStepWithoutAPredictedToken() throws {
            var cohort = try SampleCohort.random(9, seed: 4)
            defer { cohort.remove() }
            for index in cohort.rows.indices { cohort.rows[index].report = "unheard" }
            try cohort.writeTable()
            let job = Self.job(cohort)
            try EqualRunCheck.expectSameRuns(job, Self.diagonal, steps: 3)
            for step in 1...3 {
                let losses = try job.log("run-5-0").losses(step)
                #expect(losses["masked_language"] == 0)
                let others = ["global_contrastive", "local_contrastive", "image_reconstruction"].map {
                    losses[$0] ?? .nan
                }
                #expect(others.allSatisfy { $0.isFinite && $0 > 0 }, "\(losses)")
            }
        }

        /// Two studies, of which one has nothing to predict: at 2 ranks one rank has no token, at 3 another no study.
        @Test func aRankWithoutAPredictedToken() throws {
            var cohort = try SampleCohort.random(2, seed: 5)
            defer { cohort.remove() }
            (cohort.rows[0].report, cohort.rows[1].report) = ("unheard", "the heart is large no effusion")
            try cohort.writeTable()
            var job = Self.job(cohort)
            job.settings["global_batch"] = 2
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (1, 1), (2, 0), (3, 0), (5, 1)], steps: 3)
            let losses = try (1...3).map { try #require(try job.log("run-2-0").losses($0)["masked_language"]) }
            #expect(losses.contains { $0 > 0 } && losses.allSatisfy(\.isFinite))
        }

        /// Reports of one word, each hidden with probability a half: some steps hide none, and go on.
        @Test func aPretrainingStepWithoutAPredictedToken() throws {
            var cohort = try SampleCohort.random(6, seed: 6)
            defer { cohort.remove() }
            for index in cohort.rows.indices { cohort.rows[index].report = SampleCohort.words[index] }
            try cohort.writeTable()
            var job = Self.job(cohort, "pretrain")
            job.settings["global_batch"] = 2
            let steps = 6
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 1), (3, 0), (5, 1)], steps: steps)
            let losses = try (1...steps).map { try #require(try job.log("run-1-0").losses($0)["masked_language"]) }
            #expect(losses.contains(0) && losses.contains { $0 > 0 }, "another seed is needed: \(losses)")
            #expect(losses.allSatisfy { $0.isFinite })
        }

        /// One study has no others to be told from: both contrastive losses are exactly 0, whoever has it.
        @Test func aStepOfOneStudy() throws {
            let cohort = try SampleCohort.random(3, seed: 7)
            defer { cohort.remove() }
            var job = Self.job(cohort)
            job.settings["global_batch"] = 1
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 0), (5, 1)], steps: 3)
            for step in 1...3 {
                let losses = try job.log("run-5-1").losses(step)
                #expect(losses["global_contrastive"] == 0 && losses["local_contrastive"] == 0, "\(losses)")
            }
        }
    }
}

extension SampleCohort {
    /// A cohort whose studies lack any of their other views, with reports of one word, of none that is in the vocabulary, of
    /// more than fit, and of lengths between.
    static func random(_ count: Int, seed: UInt64) throws -> SampleCohort {
        var cohort = try make(count)
        let key = RandomKey(seed: seed, purpose: .test)
        let frontals = cohort.rows.map { $0.views[0] }
        for study in cohort.rows.indices {
            // The first eight studies have each pattern once.
            let pattern = study < 8 ? study : key.integer(study, below: 8)
            for view in 1..<View.count {
                let isThere = pattern >> (view - 1) & 1 == 1
                cohort.rows[study].views[view] = isThere ? frontals[(study + view) % count] : "-1"
            }
            let length = [1, 40, 3, 2 + key.child(1).integer(study, below: 25)][key.child(2).integer(study, below: 4)]
            let stock = key.child(3).integer(study, below: 4) == 0 ? ["unheard"] : words
            let report = (0..<length).map { stock[key.child(4).child(UInt64(study)).integer($0, below: stock.count)] }
            cohort.rows[study].report = report.joined(separator: " ")
        }
        try cohort.writeTable()
        return cohort
    }
}
