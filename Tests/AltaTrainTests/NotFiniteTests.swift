import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Steps in which one study's numbers are not finite, by weights that only this study meets: told, or skipped, alike at
    /// every rank count.
    @Suite struct NotFinite {
        /// Fewer than a skipped run may have in a row, and three epochs.
        static let steps = 6

        @Test(arguments: [1, 2, 3]) func anEmbeddingStopsTheRunAndNamesItsStudy(ranks: Int) throws {
            let spoilt = try SpoiltCohort.longReport("align")
            defer { spoilt.cohort.remove() }
            let outcome = try spoilt.job.run("run", ranks: ranks, ["steps=\(Self.steps)"])
            let (step, place) = try #require(try spoilt.places(ranks: ranks, steps: Self.steps).first)
            expectFault(
                outcome,
                [
                    "the global and the local contrastive loss", "report vector", "word embeddings",
                    "at position \(place.position) of the global batch",
                    "(\(spoilt.cohort.tablePath), row \(spoilt.row), rank \(place.rank))",
                ])
            #expect(try spoilt.job.log("run").steps.count == step - 1)
            #expect(try spoilt.job.checkpointNames("run").count == 0)
        }

        @Test(arguments: ["each", "shared"]) func skippedStepsAreTheSameAtEveryRankCount(absentViews: String) throws {
            let spoilt = try SpoiltCohort.longReport("align")
            defer { spoilt.cohort.remove() }
            try expectSameSkips(spoilt, ["absent_views=\(absentViews)"])
        }

        /// The pass that looks for the study runs after the sums: with integers and with floats.
        @Test(arguments: [true, false]) func aLossIsNamedAndSkipped(deterministic: Bool) throws {
            let spoilt = try SpoiltCohort.longReport("pretrain")
            defer { spoilt.cohort.remove() }
            try expectSameSkips(
                spoilt, ["deterministic=\(deterministic)"], naming: "the loss masked_language",
                isExact: deterministic)
        }

        /// Losses are finite, and one study or several of a step have a gradient that is too large: the first one of the
        /// global batch is named, whichever rank has it and whatever is in flight beside it.
        @Test(arguments: [Float(20_000), 200_000]) func aGradientIsNamedAndSkipped(outputScale: Float) throws {
            let spoilt = try SpoiltCohort.steep(outputScale: outputScale)
            defer { spoilt.cohort.remove() }
            var told = ""
            try forEachCut(spoilt, ["deterministic=true"]) { ranks, log, outcome in
                let events = log.events("skipped")
                let expected = outputScale > 100_000 ? Self.steps...Self.steps : 1...Self.steps - 1
                #expect(expected.contains(events.count), "\(outcome.errors)")
                #expect(log.steps.count == Self.steps - events.count)
                for event in events {
                    let plan = try spoilt.plan(try #require(event["step"]?.int), ranks: ranks)
                    let (position, rank) = (try #require(event["position"]?.int), try #require(event["rank"]?.int))
                    #expect(plan.shares[rank].contains(position))
                    #expect(event["row"]?.int == plan.studies[position].row + 2)
                    let text = try #require(event["message"]?.string)
                    #expect(text.contains("the gradient of bert_encoder.model.") && text.contains("too large"))
                }
                let facts = events.map(Self.facts).joined(separator: "\n")
                if told.isEmpty { told = facts }
                // The test library takes minutes to describe how long texts differ.
                let isSame = facts == told
                #expect(isSame, "\(ranks) ranks: \(facts), not \(told)")
            }
        }

        /// What an event says but for the rank: of its message, what stands before the place.
        private static func facts(_ event: JSONValue) -> String {
            let numbers = ["step", "position", "row"].map { event[$0]?.int.map(String.init) ?? "none" }
            let quantity = event["message"]?.string?.split(separator: "(").first ?? "none"
            return "\(numbers.joined(separator: " ")): \(quantity)"
        }

        @Test(arguments: [1, 2]) func aResumedRunSkipsTheSameSteps(ranks: Int) throws {
            let spoilt = try SpoiltCohort.longReport("align")
            defer { spoilt.cohort.remove() }
            let changes = ["on_not_finite=skip", "checkpoint_every=1", "keep_checkpoints=100"]
            expectDone(try spoilt.job.run("whole", ranks: 2, changes + ["steps=\(Self.steps)"]))
            let skipped = try #require(try spoilt.places(ranks: 2, steps: Self.steps).first?.step)
            expectDone(try spoilt.job.run("stopped", ranks: ranks, changes + ["steps=\(skipped)"]))
            expectDone(try spoilt.job.run("stopped", ranks: 3, changes + ["steps=\(Self.steps)"]))
            #expect(try spoilt.job.log("stopped").exactLines() == spoilt.job.log("whole").exactLines())
            let ends = try ["whole", "stopped"].map { try spoilt.job.trainable($0, step: Self.steps) }
            let isSame = ends[0] == ends[1]
            #expect(isSame)
            // A skipped step changed nothing, and the next one that was taken something.
            let last = try #require(try spoilt.places(ranks: 2, steps: Self.steps).last?.step)
            let weights = try [-1, 0, 1].map { try spoilt.job.trainable("whole", step: last + $0) }
            let (isUnchanged, isChanged) = (weights[0] == weights[1], weights[1] != weights[2])
            #expect(isUnchanged && isChanged)
        }

        /// Weights that overflow in every step end the run all the same.
        @Test func aDivergedRunEnds() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let outcome = try job.run("run", ranks: 2, ["learning_rate=1e36", "steps=100", "on_not_finite=skip"])
            expectFault(outcome, ["10 steps in a row", "not finite"])
            let log = try job.log("run")
            #expect(log.events("skipped").count == 9 && (1..<10).contains(log.steps.count))
        }

        /// One run at each of several rank counts and cuts: the same steps skipped, named, and the same weights.
        private func expectSameSkips(
            _ spoilt: SpoiltCohort, _ changes: [String], naming quantity: String = "contrastive loss",
            isExact: Bool = true
        ) throws {
            try forEachCut(spoilt, changes, isExact: isExact) { ranks, log, outcome in
                let places = try spoilt.places(ranks: ranks, steps: Self.steps)
                #expect(!places.isEmpty && places.count < Self.steps)
                let events = log.events("skipped")
                #expect(events.map { $0["step"]?.int } == places.map(\.step), "\(outcome.errors)")
                #expect(events.map { $0["position"]?.int } == places.map(\.place.position))
                #expect(events.map { $0["rank"]?.int } == places.map(\.place.rank))
                for event in events {
                    #expect(event["row"]?.int == spoilt.row)
                    #expect(event["message"]?.string?.contains(quantity) == true, "\(event)")
                }
                #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("warning: step ") } == places.count)
                #expect(log.steps.count == Self.steps - places.count)
            }
        }

        /// Runs that skip, cut in several ways. Where sums are order-free they end with the same bits.
        private func forEachCut(
            _ spoilt: SpoiltCohort, _ changes: [String], isExact: Bool = true,
            _ check: (_ ranks: Int, _ log: RunLog, _ outcome: JobOutcome) throws -> Void
        ) throws {
            let cases: [(ranks: Int, microBatch: Int, environment: [String: String])] = [
                (1, 0, [:]), (1, 1, [:]), (2, 0, [:]), (3, 1, [:]), (3, 0, ["ALTA_RANKS_PER_NODE": "2"]),
            ]
            for (index, (ranks, microBatch, environment)) in cases.enumerated() {
                let outcome = try spoilt.job.run(
                    "\(index)", ranks: ranks,
                    changes + ["on_not_finite=skip", "steps=\(Self.steps)", "micro_batch=\(microBatch)"],
                    environment: environment)
                expectDone(outcome)
                let log = try spoilt.job.log("\(index)")
                try check(ranks, log, outcome)
                guard isExact else { continue }
                #expect(try log.exactLines() == spoilt.job.log("0").exactLines(), "\(ranks) ranks")
                #expect(
                    try spoilt.job.trainable("\(index)", step: Self.steps)
                        == spoilt.job.trainable("0", step: Self.steps))
            }
        }
    }
}
