import AltaComm
import AltaCore
import AltaObjective
import AltaObjectiveSupport
import Testing

/// What is wrong on one rank is found on every rank, at the same place, with the same words.
@Suite struct ContrastiveFaultTests {
    static let batch = SampleBatch.random(seed: 9, width: 8, patches: 5, wordCounts: [3, 2, 4, 1, 5])

    /// The message of each of three ranks; study i lives on rank i mod 3.
    private func messages(_ batch: SampleBatch, shares: [[Int]] = [[0, 3], [1, 4], [2]]) throws -> [String] {
        try ThreadCollectives.run(rankCount: shares.count) { collectives in
            do {
                _ = try RankResult.evaluate(batch, positions: shares[collectives.rank], collectives)
                return "no error"
            } catch let error as AltaError {
                return "\(error)"
            }
        }
    }

    @Test func notFiniteEmbeddingsNameTheStudyAndItsRank() throws {
        var batch = Self.batch
        batch.patches[(4 * 5 + 2) * 8 + 1] = .nan
        batch.texts[4 * 8] = .infinity
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        #expect(found[0].contains("position 4") && found[0].contains("rank 1"))
        #expect(found[0].contains("report vector, patch embeddings"))
    }

    @Test func overflowingSimilarityNamesTheLoss() throws {
        var batch = Self.batch
        for i in 0..<8 { batch.patches[2 * 5 * 8 + i] = 3e38 }
        for i in 0..<8 { batch.words[i] = i % 2 == 0 ? 3e38 : -3e38 }
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        #expect(found[0].contains("local contrastive loss"), "\(found[0])")
    }

    @Test func reportWithoutWords() throws {
        var batch = Self.batch
        batch.wordCounts[3] = 0
        batch.wordCounts[4] = 6
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        #expect(found[0].contains("position 3") && found[0].contains("rank 0") && found[0].contains("no words"))
    }

    @Test func sharesThatAreNoPartition() throws {
        let found = try messages(Self.batch, shares: [[0, 3], [1, 3], [2]])
        #expect(Set(found).count == 1)
        #expect(found[0].contains("no partition"))
    }

    @Test func infiniteScale() throws {
        var batch = Self.batch
        batch.scales = ContrastiveScales(logitScale: 1, localScale1: 1, localScale2: 1000, localScale3: 1)
        #expect(try messages(batch).allSatisfy { $0.contains("logit_scale_local2") })
    }
}
