import AltaCore
import AltaData
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// Who computes which study, how many at once, and a restart in between change no bit.
@Suite struct AssignmentTests {
    static let steps = 20

    /// Ranks, micro-batch (0: the whole share) and deal of each run.
    static let runs: [(name: String, ranks: Int, microBatch: Int, deal: StudyDeal?)] = [
        ("1-2", 1, 2, nil), ("2-1", 2, 1, SampleDeals.random(1)), ("2-0", 2, 0, SampleDeals.backwards),
        ("3-0", 3, 0, SampleDeals.random(2)), ("3-2", 3, 2, SampleDeals.oneRank), ("4-1", 4, 1, SampleDeals.oneRank),
        ("4-2", 4, 2, SampleDeals.backwards), ("4-0", 4, 0, SampleDeals.random(3)),
    ]

    @Test(arguments: ["adapters", "all"], ["fp32", "bf16"])
    func noDealChangesABit(trainable: String, precision: String) throws {
        let cohort = try SampleCohort.make(11)
        defer { cohort.remove() }
        var job = AlignJob.small(cohort)
        job.settings["trainable"] = .string(trainable)
        job.settings["precision"] = .string(precision)
        try Self.expectNoChange(job, Self.runs)
    }

    /// One rank goes back through the views that studies share, whichever rank has studies.
    @Test func noDealChangesABitOfSharedViews() throws {
        let cohort = try SampleCohort.make(11)
        defer { cohort.remove() }
        var job = AlignJob.small(cohort)
        job.settings["absent_views"] = "shared"
        try Self.expectNoChange(job, Array(Self.runs.suffix(5)))
    }

    @Test func noDealChangesABitOfPretraining() throws {
        let cohort = try SampleCohort.make(11)
        defer { cohort.remove() }
        try Self.expectNoChange(AlignJob.pretraining(cohort), Array(Self.runs.suffix(5)))
    }

    private static func expectNoChange(
        _ sample: AlignJob, _ runs: [(name: String, ranks: Int, microBatch: Int, deal: StudyDeal?)]
    ) throws {
        var job = sample
        job.settings["global_batch"] = 5
        job.settings["deterministic"] = true
        job.settings["checkpoint_every"] = 100
        job.settings["steps"] = .integer(steps)
        try job.runThreads("whole", ranks: 1)
        for (name, ranks, microBatch, deal) in runs {
            try job.runThreads(name, ranks: ranks, ["micro_batch=\(microBatch)"], deal: deal)
        }
        try job.runThreads("stopped", ranks: 3, ["steps=7", "micro_batch=1"], deal: SampleDeals.random(4))
        try job.runThreads("stopped", ranks: 2, ["steps=12"], deal: SampleDeals.oneRank)
        try job.runThreads("stopped", ranks: 4, ["micro_batch=2"], deal: SampleDeals.random(5))
        let (lines, weights) = (try job.log("whole").exactLines(), try job.trainable("whole", step: steps))
        #expect(lines.count == steps && Set(lines.map { $0.split(separator: ":").last }).count == steps)
        for name in runs.map(\.name) + ["stopped"] {
            #expect(try job.log(name).exactLines() == lines, "\(name)")
            #expect(try job.trainable(name, step: steps) == weights, "\(name)")
        }
    }

    /// As where hosts run different builds, which deal differently.
    @Test func aStudyComputedTwiceIsRefusedBeforeItIsTrainedOn() throws {
        let cohort = try SampleCohort.make(11)
        defer { cohort.remove() }
        var job = AlignJob.small(cohort)
        job.settings["global_batch"] = 5
        let failure = #expect(throws: AgreedFailure.self) {
            try job.runThreads("run", ranks: 2, deal: SampleDeals.wrong)
        }
        #expect(failure?.error.what == "the studies of step 1 are not all there once")
        #expect(failure?.error.remedy?.contains("the same build") == true)
        #expect(try job.log("run").steps.isEmpty)
    }
}
