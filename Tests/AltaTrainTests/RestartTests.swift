import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Runs that are stopped wherever it happens, and go on at another size.
    @Suite struct Restarts {
        /// 23 studies in batches of 5: four steps an epoch, in each of which three studies are left out.
        static let (studies, globalBatch, stepsPerEpoch, steps) = (23, 5, 4, 40)
        /// The header is row 1.
        static let tableRows = Set(2..<studies + 2)

        private static func job(_ cohort: SampleCohort, trainable: String) -> AlignJob {
            var job = AlignJob.small(cohort)
            job.settings["trainable"] = .string(trainable)
            job.settings["global_batch"] = .integer(globalBatch)
            job.settings["steps"] = .integer(steps)
            job.settings["log_studies"] = true
            return job
        }

        /// One rank is killed at a moment that nobody chose, three times; each time the run goes on with another number of
        /// ranks.
        @Test(arguments: ["adapters", "all"]) func killedAnywhere(trainable: String) throws {
            let cohort = try SampleCohort.make(Self.studies)
            defer { cohort.remove() }
            var job = Self.job(cohort, trainable: trainable)
            job.settings["deterministic"] = true
            job.settings["checkpoint_every"] = 3
            expectDone(try job.run("whole", ranks: 2))
            var kills = 0
            for ranks in [1, 3, 2] where try Self.kill(job, "killed", ranks: ranks) { kills += 1 }
            #expect(kills > 0, "every run ended before it was killed")
            expectDone(try job.run("killed", ranks: 4, ["micro_batch=1"]))
            let (whole, killed) = (try job.log("whole"), try job.log("killed"))
            #expect(try killed.exactLines() == whole.exactLines())
            #expect(try job.trainable("killed", step: Self.steps) == job.trainable("whole", step: Self.steps))
            try Self.expectRepeatedStepsAlike(killed)
            for log in [whole, killed] { try Self.expectEachStudyOnceAnEpoch(log) }
        }

        /// Ends one rank by SIGKILL between the third step from here and the eighth; whether there was one to end.
        private static func kill(_ job: AlignJob, _ name: String, ranks: Int) throws -> Bool {
            let running = try JobRunner.start("alta-worker", ranks: ranks, try job.arguments(name))
            let lines = { (try? job.log(name))?.lines.count { $0["losses"] != nil } ?? 0 }
            let target = lines() + Int.random(in: 3...8)
            _ = running.wait { lines() >= target }
            usleep(.random(in: 0...8000))
            let rank = running.process(ofRank: .random(in: 0..<ranks))
            if let rank { Foundation.kill(rank, SIGKILL) }
            let outcome = running.finish()
            #expect(outcome.remaining == 0 && outcome.seconds < 30, "\(outcome.errors)")
            return outcome.exitCode != 0
        }

        /// A step that was taken again is the same step.
        private static func expectRepeatedStepsAlike(_ log: RunLog) throws {
            let last = try log.exactLines()
            for line in log.lines where line["losses"] != nil {
                let step = try #require(line["step"]?.int)
                #expect(try RunLog.exactLine(line, step: step) == last[step - 1])
            }
        }

        /// By the rows that the log names, which its hashes confirm: of every epoch all complete batches, no study twice.
        private static func expectEachStudyOnceAnEpoch(_ log: RunLog) throws {
            #expect(log.steps.keys.sorted() == Array(1...steps))
            var orders = Set<[Int]>()
            var leftOut = Set<Int>()
            for epoch in 0..<steps / stepsPerEpoch {
                let rows = try (1...stepsPerEpoch).flatMap { try studyRows(log, step: epoch * stepsPerEpoch + $0) }
                #expect(rows.count == stepsPerEpoch * globalBatch && Set(rows).count == rows.count, "epoch \(epoch)")
                #expect(Set(rows).isSubset(of: tableRows), "epoch \(epoch)")
                orders.insert(rows)
                leftOut.formUnion(tableRows.subtracting(rows))
            }
            // Each epoch has an order of its own, and leaves others out.
            #expect(orders.count == steps / stepsPerEpoch && leftOut.count > studies - stepsPerEpoch * globalBatch)
        }

        private static func studyRows(_ log: RunLog, step: Int) throws -> [Int] {
            let line = try #require(log.steps[step])
            let rows = try #require(line["study_rows"]?.array).map { try #require($0.int) }
            let hash = rows.enumerated().reduce(UInt64(0)) { $0 &+ StudyIndex($1.element - 2).hash(at: $1.offset) }
            #expect(line["studies_hash"]?.string == StableHash.hex(hash), "step \(step)")
            return rows
        }

        /// Where sums are in floating point: stopped in the middle of an epoch, the losses of the next 20 steps.
        @Test(arguments: ["adapters", "all"]) func floatingSumsGoOnOnTheSameCurve(trainable: String) throws {
            let cohort = try SampleCohort.make(Self.studies)
            defer { cohort.remove() }
            var job = Self.job(cohort, trainable: trainable)
            job.settings["deterministic"] = false
            // The first steps of AdamW, which follow the signs of gradients that may be nothing but rounding, are small in
            // the published recipe too.
            job.settings["warmup_epochs"] = 10
            job.settings["steps"] = 27
            expectDone(try job.run("whole", ranks: 2))
            expectDone(try job.run("stopped", ranks: 2, ["steps=7"]))
            expectDone(try job.run("stopped", ranks: 3, ["micro_batch=1"]))
            let (whole, stopped) = (try job.log("whole"), try job.log("stopped"))
            for step in 8...27 {
                #expect(stopped.hashes(step) == whole.hashes(step) && stopped.hashes(step).count == 2)
                for (name, value) in stopped.losses(step) {
                    let expected = try #require(whole.losses(step)[name])
                    let error = abs(value - expected) / abs(expected)
                    #expect(error <= EqualRunCheck.lossTolerance, "step \(step) \(name): \(error)")
                }
            }
        }

        /// Rows are named where they are asked for; a row tells nothing of a patient.
        @Test func rowsAreLoggedOnRequest() throws {
            let cohort = try SampleCohort.make(Self.studies)
            defer { cohort.remove() }
            let job = Self.job(cohort, trainable: "adapters")
            expectDone(try job.run("run", ranks: 2, ["steps=2", "log_studies=false"]))
            expectDone(try job.run("run", ranks: 1, ["steps=3"]))
            let log = try job.log("run")
            #expect([1, 2, 3].map { log.steps[$0]?["study_rows"]?.array?.count } == [nil, nil, Self.globalBatch])
        }
    }
}
