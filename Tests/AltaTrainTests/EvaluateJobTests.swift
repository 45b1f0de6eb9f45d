import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// `alta-worker evaluate`: the same scores at any rank count, from whatever names a checkpoint.
    @Suite struct Evaluate {
        private func run(_ job: AlignJob, ranks: Int, _ options: [String]) throws -> JobOutcome {
            let configuration = try job.arguments("run")[1]
            return try JobRunner.run("alta-worker", ranks: ranks, ["evaluate", configuration] + options)
        }

        @Test func theSameAtAnyRankCount() throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 2, ["steps=6", "checkpoint_every=3"]))
            var outputs: Set<String> = []
            for ranks in [1, 2, 3] {
                let outcome = try run(job, ranks: ranks, ["--json", "--checkpoint", job.output("run")])
                expectDone(outcome)
                outputs.insert(outcome.output)
            }
            #expect(outputs.count == 1)
            let scores = try JSONValue(parsing: try #require(outputs.first))
            #expect(scores["studies"]?.int == 11)
            let recalls = ["recall_1", "recall_5", "recall_10"].map { scores["image_to_text"]?[$0]?.double ?? -1 }
            #expect(recalls == recalls.sorted() && recalls.allSatisfy { (0...1).contains($0) })
            let newest = try run(job, ranks: 2, ["--json", "--checkpoint", job.checkpoint("run", step: 6)])
            #expect(outputs == [newest.output])
        }

        /// Untrained weights know nothing: with 24 studies a recall@10 of 0.42 +- 0.1 (one deviation) is chance.
        @Test func withoutACheckpointItIsChance() throws {
            let cohort = try SampleCohort.make(24)
            defer { cohort.remove() }
            let outcome = try run(AlignJob.small(cohort), ranks: 2, ["--json"])
            expectDone(outcome)
            #expect(outcome.errors.contains("freshly initialised"))
            let scores = try JSONValue(parsing: outcome.output)
            let chance = try #require(scores["chance"]?["recall_10"]?.double)
            for direction in ["image_to_text", "text_to_image"] {
                let recall = try #require(scores[direction]?["recall_10"]?.double)
                #expect(abs(recall - chance) < 0.3, "\(direction)")
            }
        }

        @Test func aTableForPeople() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let outcome = try run(AlignJob.small(cohort), ranks: 2, ["--set", "data.validation=\(cohort.tablePath)"])
            expectDone(outcome)
            for part in ["8 studies", "image to text", "text to image", "chance", "equal reports"] {
                #expect(outcome.output.contains(part))
            }
        }

        @Test func aMissingCheckpointIsTold() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectFault(
                try run(job, ranks: 2, ["--checkpoint", job.output("nothing")]),
                ["no valid checkpoint", job.output("nothing")])
        }

        /// The checkpoint decides the model's size; the vocabulary must be its own.
        @Test func aVocabularyOfAnotherSizeIsRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1))
            try cohort.writeVocabulary(SampleCohort.specials + SampleCohort.words + ["more"])
            expectFault(
                try run(job, ranks: 2, ["--checkpoint", job.output("run")]), ["another shape", "safetensors"])
        }
    }
}
