import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
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

        /// No checkpoint is written after a skipped step, but after the last of a run.
        @Test(arguments: [1, 2]) func aResumedRunSkipsTheSameSteps(ranks: Int) throws {
            let spoilt = try SpoiltCohort.longReport("align")
            defer { spoilt.cohort.remove() }
            let changes = ["on_not_finite=skip", "checkpoint_every=1", "keep_checkpoints=100"]
            expectDone(try spoilt.job.run("whole", ranks: 2, changes + ["steps=\(Self.steps)"]))
            let skipped = try spoilt.places(ranks: 2, steps: Self.steps).map(\.step)
            let stop = try #require(skipped.first { $0 > 1 && $0 < Self.steps })
            expectDone(try spoilt.job.run("stopped", ranks: ranks, changes + ["steps=\(stop)"]))
            expectDone(try spoilt.job.run("stopped", ranks: 3, changes + ["steps=\(Self.steps)"]))
            #expect(try spoilt.job.log("stopped").exactLines() == spoilt.job.log("whole").exactLines())
            let ends = try ["whole", "stopped"].map { try spoilt.job.trainable($0, step: Self.steps) }
            let isSame = ends[0] == ends[1]
            #expect(isSame)
            let written = (1...Self.steps).filter { $0 == Self.steps || !skipped.contains($0) }
            for (name, steps) in [("whole", written), ("stopped", Array(Set(written + [stop])))] {
                let paths = steps.sorted().map { spoilt.job.checkpoint(name, step: $0) }
                #expect(try spoilt.job.checkpointNames(name) == paths.map { URL(filePath: $0).lastPathComponent })
            }
            // A skipped step changed nothing, and the next one that was taken something.
            let (before, after) = (try #require(written.last { $0 < stop }), try #require(written.first { $0 > stop }))
            let weights = try [before, stop, after].map { try spoilt.job.trainable("stopped", step: $0) }
            let (isUnchanged, isChanged) = (weights[0] == weights[1], weights[1] != weights[2])
            #expect(isUnchanged && isChanged)
        }

        /// A checkpoint that is due after a skipped step is written after the next one that is taken.
        @Test func aCheckpointIsPutOff() throws {
            let spoilt = try SpoiltCohort.longReport("align")
            defer { spoilt.cohort.remove() }
            let steps = 12
            let skipped = try spoilt.places(ranks: 1, steps: steps).map(\.step)
            let due = try #require(skipped.first { $0 > steps / 2 })
            let next = try #require((due..<steps).first { !skipped.contains($0) })
            let changes = ["on_not_finite=skip", "checkpoint_every=\(due)", "steps=\(steps)"]
            expectDone(try spoilt.job.run("run", ranks: 1, changes))
            #expect(try spoilt.job.log("run").events("checkpoint").map { $0["step"]?.int } == [next, steps])
        }

        /// What shared absent views had in a skipped step is gone in the next, in which no study lacks a view.
        ///
        /// Their sums are order-free in every run. Where those of the parameters are floating, and take any number, theirs
        /// alone refuse the gradient: it is told as theirs, and not as the first parameter's.
        @Test(arguments: [1, 2], [true, false]) func aGoodStepFollowsASkippedOne(ranks: Int, deterministic: Bool) throws
        {
            let spoilt = try SpoiltCohort.incomplete()
            defer { spoilt.cohort.remove() }
            let steps = 8
            let skipped = try spoilt.places(ranks: ranks, steps: steps).map(\.step)
            let stop = try #require(skipped.first)
            #expect(stop < steps && skipped.count == 2)
            let changes = ["on_not_finite=skip", "deterministic=\(deterministic)"]
            expectDone(try spoilt.job.run("whole", ranks: ranks, changes + ["steps=\(steps)"]))
            expectDone(try spoilt.job.run("stopped", ranks: ranks, changes + ["steps=\(stop)"]))
            expectDone(try spoilt.job.run("stopped", ranks: 3 - ranks, changes + ["steps=\(steps)"]))
            let logs = try ["whole", "stopped"].map(spoilt.job.log)
            for log in logs {
                let events = log.events("skipped")
                #expect(events.map { $0["step"]?.int } == skipped)
                #expect(events.allSatisfy { $0["row"]?.int == spoilt.row })
                let start = "the gradient of \(deterministic ? "bert_encoder." : "absent views is not finite")"
                let texts = events.map { $0["message"]?.string ?? "" }
                #expect(texts.allSatisfy { $0.hasPrefix(start) }, "\(texts)")
            }
            guard deterministic else { return }
            #expect(try logs[0].exactLines() == logs[1].exactLines())
            let ends = try ["whole", "stopped"].map { try spoilt.job.trainable($0, step: steps) }
            let isSame = ends[0] == ends[1]
            #expect(isSame)
        }

        /// A held-out study whose report vector is no number; the studies that are trained on are good.
        @Test(arguments: [1, 2, 3]) func aHeldOutVectorEndsNothing(ranks: Int) throws {
            var spoilt = try SpoiltCohort.longReport("align")
            defer { spoilt.cohort.remove() }
            let heldOut = "\(spoilt.cohort.folder)/valid.csv"
            try FileManager.default.copyItem(atPath: spoilt.cohort.tablePath, toPath: heldOut)
            spoilt.cohort.rows[SpoiltCohort.study].report = "the heart is large"
            try spoilt.cohort.writeTable()
            let outcome = try spoilt.job.run("run", ranks: ranks, ["data.validation=\(heldOut)", "steps=4"])
            expectDone(outcome)
            let log = try spoilt.job.log("run")
            #expect(log.steps.count == 4 && log.events("validation").isEmpty)
            let events = log.events("validation_failed")
            #expect(events.map { $0["step"]?.int } == [2, 4])
            let place = "(\(heldOut), row \(spoilt.row), rank \(SpoiltCohort.study % ranks))"
            for text in events.map({ $0["message"]?.string ?? "" }) {
                #expect(text.hasPrefix("the report vector is not finite \(place)"), "\(text)")
            }
        }

        /// Weights that overflow in every step end the run all the same, and again where it goes on.
        @Test func aDivergedRunEnds() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let changes = ["learning_rate=1e36", "steps=100", "on_not_finite=skip", "checkpoint_every=1"]
            var ends: [String] = []
            for start in 1...2 {
                let outcome = try job.run("run", ranks: 2, changes)
                expectFault(outcome, ["10 steps in a row", "not finite"])
                ends += outcome.errorLines
                let log = try job.log("run")
                #expect(log.events("skipped").count == 9 * start && (1..<10).contains(log.steps.count))
                let last = try #require(log.steps.keys.max())
                #expect(try job.checkpointNames("run").last == "step-0000000\(last)")
            }
            #expect(ends.count == 2 && ends[0] == ends[1], "\(ends)")
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
                    let text = try #require(event["message"]?.string)
                    // Whoever skips already is not told to.
                    #expect(text.contains(quantity) && !text.contains("on_not_finite"), "\(text)")
                    try expectStudies(of: event, spoilt)
                }
                #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("warning: step ") } == places.count)
                #expect(log.steps.count == Self.steps - places.count)
            }
        }

        /// A skipped step names its studies as a step that is taken.
        private func expectStudies(of event: JSONValue, _ spoilt: SpoiltCohort) throws {
            let studies = try spoilt.plan(try #require(event["step"]?.int), ranks: 1).studies
            let hash = studies.enumerated().reduce(UInt64(0)) { $0 &+ $1.element.hash(at: $1.offset) }
            #expect(event["studies_hash"]?.string == StableHash.hex(hash))
            #expect(event["study_rows"]?.array?.map(\.int) == studies.map { $0.row + 2 })
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
                    changes + [
                        "on_not_finite=skip", "log_studies=true", "steps=\(Self.steps)", "micro_batch=\(microBatch)",
                    ],
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
