import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// What is told of a global batch before it is trained with.
@Suite struct BatchNoticeTests {
    /// Enough for ten epochs' steps of any batch here.
    private static let many = 100_000

    private func notices(_ stage: Stage, batch: Int, studies: Int = many, rate: Double? = nil) -> [String] {
        var config = RunConfig(stage: stage)
        config.globalBatch = batch
        config.learningRate = rate
        return config.batchNotices(studies: studies)
    }

    @Test func anExtremeLinearRateIsWarnedOf() throws {
        for (stage, root) in [(Stage.align, "3.7e-04"), (.pretrain, "6.0e-04")] {
            let lines = notices(stage, batch: 4096)
            #expect(lines.count == 1)
            for part in ["warning: learning_rate", "4096", "2.4e-03", root] {
                #expect(lines.first?.contains(part) == true, "\(lines)")
            }
        }
    }

    /// The largest batch whose linear rate is not above 5e-4, or 2e-3, and the next.
    @Test func theLimitIsTheStages() {
        #expect(notices(.align, batch: 853) == [] && notices(.align, batch: 854).count == 1)
        #expect(notices(.pretrain, batch: 3413) == [] && notices(.pretrain, batch: 3414).count == 1)
        for stage in Stage.allCases { #expect(notices(stage, batch: RunConfig(stage: stage).globalBatch) == []) }
    }

    /// Who sets a rate has decided.
    @Test func aRateThatIsSetIsNotWarnedOf() {
        #expect(notices(.align, batch: 4096, rate: 0.0024) == [])
    }

    @Test func aBatchOfManyOfTheStudiesIsTold() {
        let lines = notices(.align, batch: 100, studies: 300)
        #expect(
            lines.count == 1 && lines[0].hasPrefix("note: an epoch has 3 steps") && lines[0].contains("300 studies"))
        #expect(notices(.align, batch: 100, studies: 1000) == [])
        // The published batch and smaller ones are a person's own affair: a try on few studies has few steps.
        #expect(notices(.align, batch: 96, studies: 300) == [])
    }
}

extension WorkerJobs {
    @Suite struct BatchNotices {
        /// Rank 0 tells it, once, and the run starts.
        @Test func aRunTellsThem() throws {
            var cohort = try SampleCohort.make()
            defer { cohort.remove() }
            cohort.rows = (0..<1200).map { cohort.rows[$0 % cohort.rows.count] }
            try cohort.writeTable()
            let job = AlignJob.small(cohort)
            let outcome = try job.run("run", ranks: 2, ["steps=0", "global_batch=1100", "learning_rate=null"])
            expectDone(outcome)
            for part in ["warning: learning_rate is not set", "note: an epoch has 1 steps"] {
                #expect(outcome.output.components(separatedBy: part).count == 2, "\(outcome.output)")
            }
        }
    }
}
