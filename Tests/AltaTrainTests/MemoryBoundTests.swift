import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// Memory is set by the micro-batch, and what fits is computed once.
@Suite struct MemoryBoundTests {
    /// 32 studies of equal size, so that every two of them take as much memory.
    private static func cohort() throws -> SampleCohort {
        var cohort = try SampleCohort.make(32)
        for index in cohort.rows.indices {
            cohort.rows[index].views = [cohort.rows[index].views[0], "-1", "-1", "-1"]
            cohort.rows[index].report = "the heart is large . no effusion in left base"
        }
        try cohort.writeTable()
        return cohort
    }

    /// Activations of rank 0 in bytes, and operations of the first step in 10^9.
    private static func measure(
        _ job: AlignJob, ranks: Int, globalBatch: Int, microBatch: Int
    ) throws -> (activationBytes: Int, gflop: Double) {
        let name = "\(ranks)-\(globalBatch)-\(microBatch)"
        try job.runThreads(name, ranks: ranks, ["global_batch=\(globalBatch)", "micro_batch=\(microBatch)", "steps=1"])
        let log = try job.log(name)
        return (
            try #require(log.events("end").last?["activation_bytes"]?.int), try #require(log.steps[1]?["gflop"]?.double)
        )
    }

    @Test func activationsAreTheMicroBatchsAndWhatFitsIsComputedOnce() throws {
        let cohort = try Self.cohort()
        defer { cohort.remove() }
        let job = AlignJob.small(cohort)
        let (few, many) = (
            try Self.measure(job, ranks: 1, globalBatch: 4, microBatch: 2),
            try Self.measure(job, ranks: 1, globalBatch: 32, microBatch: 2)
        )
        let whole = try Self.measure(job, ranks: 1, globalBatch: 32, microBatch: 0)
        #expect(many.activationBytes == few.activationBytes)
        #expect(whole.activationBytes > 8 * many.activationBytes)

        // Two ranks whose shares fit compute what one does; micro-batches go forward once more, without the heads.
        let two = try Self.measure(job, ranks: 2, globalBatch: 32, microBatch: 0)
        let fitting = try Self.measure(job, ranks: 2, globalBatch: 32, microBatch: 16)
        #expect(two.gflop == whole.gflop && fitting.gflop == whole.gflop)
        let more = many.gflop / whole.gflop
        #expect((1.05..<1.5).contains(more), "\(more)")
        #expect(try Self.measure(job, ranks: 2, globalBatch: 32, microBatch: 2).gflop == many.gflop)
    }

    /// Without contrastive losses every micro-batch is final: nothing is computed twice.
    @Test func pretrainingComputesNothingTwice() throws {
        let cohort = try Self.cohort()
        defer { cohort.remove() }
        let job = AlignJob.pretraining(cohort)
        let (few, many) = (
            try Self.measure(job, ranks: 1, globalBatch: 4, microBatch: 2),
            try Self.measure(job, ranks: 1, globalBatch: 32, microBatch: 2)
        )
        #expect(many.activationBytes == few.activationBytes)
        #expect(try Self.measure(job, ranks: 1, globalBatch: 32, microBatch: 0).gflop == many.gflop)
    }
}
