import AltaComm
import AltaCore
import AltaModel
import AltaTensor
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// A bit that one rank has otherwise is found, and told by all ranks alike.
@Suite struct WeightComparisonTests {
    private static let config: ModelConfig = {
        var config = ModelConfig()
        (config.imageSize, config.patchSize, config.width, config.projection) = (32, 16, 16, 8)
        (config.visionDepth, config.visionHeads, config.textDepth, config.textHeads) = (1, 2, 1, 2)
        (config.decoderWidth, config.decoderDepth, config.decoderHeads, config.textIntermediate) = (16, 1, 2, 32)
        (config.vocabulary, config.maxTokens, config.maxPositions) = (20, 8, 16)
        return config
    }()

    /// What each rank throws where `plant` has changed what it has.
    private func failures(
        ranks: Int, _ plant: @escaping @Sendable (Int, ModelWeights, Optimizer) -> Void
    ) throws -> [AgreedFailureCopy?] {
        try ThreadCollectives.run(rankCount: ranks) { collectives in
            let weights = try ModelWeights.make(
                config: Self.config, trainable: .all, source: RandomWeights(seed: 5), engine: try Engine(threads: 1))
            let optimizer = Optimizer.make(weights: weights, constants: AdamWConstants())
            plant(collectives.rank, weights, optimizer)
            do {
                try WeightComparison(weights: weights, optimizer: optimizer, collectives: collectives).check(step: 7)
                return nil
            } catch let failure as AgreedFailure {
                return AgreedFailureCopy(error: failure.error, reportingRank: failure.reportingRank)
            }
        }
    }

    private struct AgreedFailureCopy: Equatable, Sendable {
        let error: AltaError
        let reportingRank: Int
    }

    /// Another bit in a number of a weight.
    @Sendable private static func flip(_ matrix: Matrix, _ index: Int, bit: UInt32 = 0) {
        matrix.base[index] = Float(bitPattern: matrix.base[index].bitPattern ^ 1 << bit)
    }

    private static func slot(_ name: String, _ weights: ModelWeights) -> Int {
        weights.trainableSpecs.firstIndex { $0.name == name } ?? 0
    }

    @Test(arguments: [1, 2, 3, 5]) func equalWeightsPass(ranks: Int) throws {
        #expect(try failures(ranks: ranks) { _, _, _ in }.allSatisfy { $0 == nil })
    }

    @Test(arguments: 0..<3) func theRankAgainstTheMostIsNamed(odd: Int) throws {
        let name = "blocks.0.mlp.fc1.weight"
        let found = try failures(ranks: 3) { rank, weights, _ in
            if rank == odd { Self.flip(weights.trainables[Self.slot(name, weights)].value, 16 * 5 + 3) }
        }
        #expect(Set(found.map { $0?.error.description }).count == 1)
        let failure = try #require(found[0])
        #expect(failure.reportingRank == odd && failure.error.rank == odd)
        #expect(failure.error.exitCode == .stoppedEarly)
        let text = failure.error.description
        for part in [
            "(rank \(odd))", "after step 7", "of rank \(odd == 0 ? 1 : 0) on ", "\(name)[5, 3]", "1 of 32 bits",
            "differ: 1, tensors: 1",
        ] { #expect(text.contains(part), "\(text)") }
        #expect(!text.contains("not known"))
    }

    /// Two ranks: one of them is wrong, and the message does not pretend to know which.
    @Test func ofTwoNobodyIsBlamed() throws {
        let found = try failures(ranks: 2) { rank, weights, _ in
            if rank == 0 { Self.flip(weights.trainables[0].value, 0, bit: 31) }
        }
        let text = try #require(found[0]?.error.description)
        #expect(text.contains("not known") && text.contains("(rank 1)") && text.contains("of rank 0 on"))
    }

    /// Moments are compared too; of several ranks the first is described, and the others are listed.
    @Test func momentsAndSeveralRanks() throws {
        let found = try failures(ranks: 5) { rank, weights, optimizer in
            let slot = Self.slot("cls_token", weights)
            if rank == 1 { Self.flip(optimizer.moments(slot).second, 2, bit: 23) }
            if rank == 4 { Self.flip(optimizer.moments(slot).first, 9) }
        }
        let text = try #require(found[3]?.error.description)
        for part in ["the second moment of cls_token[0, 0, 2]", "(rank 1)", "so do those of ranks 4"] {
            #expect(text.contains(part), "\(text)")
        }
        #expect(Set(found.map { $0?.error.description }).count == 1)
    }

    /// A zero with a sign, and numbers that are none, are bits like others.
    @Test func signsOfZerosDiffer() throws {
        let found = try failures(ranks: 3) { rank, _, optimizer in
            if rank == 2 { Self.flip(optimizer.moments(0).first, 0, bit: 31) }
        }
        #expect(try #require(found[0]?.error.description).contains("is -0.0 here and 0.0"))
    }
}

extension WorkerJobs {
    /// A run in which a rank's memory fails.
    @Suite struct FailingMemory {
        /// The bit is another after step 3; what is compared before the checkpoint of step 4 tells.
        @Test(arguments: [0, 2]) func aBitIsFoundBeforeTheNextCheckpoint(rank: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["steps"] = 6
            job.settings["checkpoint_every"] = 2
            expectDone(try job.run("whole", ranks: 3))
            let outcome = try check(job, "run", step: 3, rank: rank)
            expectFault(
                outcome, ["(rank \(rank))", "after step 4", "of rank \(rank == 0 ? 1 : 0) on ", "newest checkpoint"],
                exitCode: 75)
            #expect(try job.checkpointNames("run").last == "step-00000002")
            expectDone(try job.run("run", ranks: 2))
            #expect(try job.log("run").exactLines() == job.log("whole").exactLines())
            #expect(try job.trainable("run", step: 6) == job.trainable("whole", step: 6))
        }

        @Test func theKeySaysHowOften() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["steps"] = 8
            job.settings["checkpoint_every"] = 1_000_000
            job.settings["compare_weights_every"] = 3
            expectFault(try check(job, "run", step: 4, rank: 1), ["after step 6"], exitCode: 75)
            #expect(try job.log("run").steps.count == 6)
        }

        private func check(_ job: AlignJob, _ name: String, step: Int, rank: Int) throws -> JobOutcome {
            let configuration = try job.arguments(name)[1]
            return try JobRunner.run("alta-weight-check", ranks: 3, [configuration, "\(step)", "\(rank)", "3"])
        }
    }
}
