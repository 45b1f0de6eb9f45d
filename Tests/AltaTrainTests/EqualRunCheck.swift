import Testing

/// Runs with everything equal but the number of ranks and the micro-batch, held against each other.
enum EqualRunCheck {
    /// How far the losses of one step may be apart, relatively, where sums are in floating point.
    static let lossTolerance = 1e-4

    /// For how many steps floating-point sums keep within it: without warm-up, AdamW makes whole steps of gradients
    /// that are nothing but rounding, and a difference grows tenfold a step (measured from 1e-7 in step 2: 2e-5 in
    /// step 4, 2e-4 in step 6).
    static let floatingSteps = 4

    /// Runs with everything equal but (ranks, micro-batch): every loss of every step is the first run's.
    static func expectEqualRuns(_ job: AlignJob, _ cases: [(ranks: Int, microBatch: Int)], steps: Int) throws {
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
                #expect(
                    log.hashes(step) == reference.hashes(step) && log.hashes(step).count == 2, "\(name) step \(step)")
                let expected = reference.losses(step)
                #expect(expected.count == job.lossCount)
                for (loss, value) in log.losses(step) {
                    let other = try #require(expected[loss])
                    #expect(abs(value - other) <= lossTolerance * abs(other), "\(name) step \(step) \(loss)")
                }
            }
        }
    }

    /// As above, and bit for bit.
    static func expectSameRuns(_ job: AlignJob, _ cases: [(ranks: Int, microBatch: Int)], steps: Int) throws {
        try expectEqualRuns(job, cases, steps: steps)
        let names = cases.map { "run-\($0.ranks)-\($0.microBatch)" }
        let lines = try job.log(names[0]).exactLines()
        let weights = try job.trainable(names[0], step: steps)
        for name in names.dropFirst() {
            #expect(try job.log(name).exactLines() == lines, "\(name)")
            #expect(try job.trainable(name, step: steps) == weights, "\(name)")
        }
        #expect(Set(try job.log(names[0]).computed()).count == steps, "nothing changes")
    }
}
