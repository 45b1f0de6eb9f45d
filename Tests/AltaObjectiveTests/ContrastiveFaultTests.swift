import AltaComm
import AltaCore
import AltaObjective
import AltaObjectiveSupport
import Synchronization
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
            } catch let number as NotFiniteNumber {
                #expect(number.position != nil && number.rank != nil)
                return "\(number.error)"
            } catch let undefined as UndefinedLosses {
                return "\(undefined.error)"
            }
        }
    }

    /// A failure that the others need not know of is none that all ranks found.
    @Test func aCollectiveThatFailsIsNotTakenForAgreed() throws {
        let kinds = Mutex<[String]>([])
        _ = try? ThreadCollectives.run(rankCount: 3) { collectives in
            guard collectives.rank != 1 else { throw AltaError("a link is gone") }
            do { _ = try RankResult.evaluate(Self.batch, positions: [collectives.rank], collectives) } catch {
                kinds.withLock { $0.append("\(type(of: error))") }
            }
        }
        #expect(kinds.withLock { $0 } == ["AltaError", "AltaError"])
    }

    @Test func notFiniteEmbeddingsNameTheStudyAndItsRank() throws {
        var batch = Self.batch
        batch.patches[(4 * 5 + 2) * 8 + 1] = .nan
        batch.texts[4 * 8] = .infinity
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        #expect(found[0].contains("position 4") && found[0].contains("rank 1"))
        #expect(found[0].contains("report vector, patch embeddings"))
        #expect(found[0].contains("global and the local contrastive loss"))
    }

    @Test func theLossThatReadsAnEmbeddingIsNamed() throws {
        var batch = Self.batch
        batch.words[0] = .nan
        #expect(try messages(batch)[0].contains("what the local contrastive loss reads"))
        batch = Self.batch
        batch.images[0] = .infinity
        #expect(try messages(batch)[0].contains("what the global contrastive loss reads"))
    }

    /// One report spoils every study's row: it is named all the same, and not the first study.
    @Test(arguments: 0..<5, [true, false]) func theStudyThatOverflowsIsNamed(study: Int, isReport: Bool) throws {
        var batch = Self.batch
        let first = batch.wordCounts[..<study].reduce(0, +)
        let rows = isReport ? first..<first + batch.wordCounts[study] : study * 5..<study * 5 + 5
        for i in rows.lowerBound * 8..<rows.upperBound * 8 {
            let value: Float = i % 2 == 0 ? 3e38 : -3e38
            if isReport { batch.words[i] = value } else { batch.patches[i] = value }
        }
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        for part in ["the local contrastive loss", "position \(study)", "rank \(study % 3)"] {
            #expect(found[0].contains(part), "\(found[0])")
        }
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

    /// A report of nothing but words of norm zero, and patches so long that its gradient is beyond the coarsest scale:
    /// the report is named, though every study has a part in it.
    @Test func gradientOfAWordBeyondEveryScale() throws {
        var batch = Self.batch
        let words = batch.segments[2]
        for i in words.lowerBound * 8..<words.upperBound * 8 { batch.words[i] = 0 }
        for i in batch.patches.indices { batch.patches[i] *= 1e6 }
        batch.scales = ContrastiveScales(logitScale: 1, localScale1: 4.6, localScale2: 4.6, localScale3: 4.6)
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        #expect(
            found[0].contains("a word's gradient of the local") && found[0].contains("position 2")
                && found[0].contains("rank 2"), "\(found[0])")
    }

    /// Logits are doubles, and finite; the gradient is a float.
    @Test func gradientOfAVectorThatOverflows() throws {
        var batch = Self.batch
        for i in 0..<batch.texts.count { batch.texts[i] *= 3e38 }
        for i in 0..<batch.images.count { batch.images[i] *= 1e-38 }
        let found = try messages(batch)
        #expect(Set(found).count == 1)
        #expect(found[0].contains("a gradient of the global contrastive loss"), "\(found[0])")
    }
}
