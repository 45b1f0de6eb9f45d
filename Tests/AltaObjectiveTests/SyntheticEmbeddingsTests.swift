import AltaObjective
import AltaTensor
import Testing

@Suite struct SyntheticEmbeddingsTests {
    @Test(arguments: [1, 2, 7, 64], [1, 2, 9, 60])
    func reportsHaveTheMeanAskedFor(count: Int, mean: Int) {
        let counts = SyntheticEmbeddings.wordCounts(count, mean: mean, seed: 1)
        #expect(abs(counts.reduce(0, +) - mean * count) <= count / 2)
        #expect(counts.allSatisfy { ((mean + 1) / 2...2 * mean).contains($0) })
        #expect(count < 64 || mean < 60 || (counts.min() == 30 && counts.max() == 90))
    }

    /// A rank makes its own studies alone, and they are those of the whole batch.
    @Test func studiesDoNotDependOnTheShare() {
        let noise = SyntheticEmbeddings(
            seed: 3, width: 8, patchesPerStudy: 5, wordCounts: [3, 1, 4, 2], spread: 0.3)
        let (arena, batch) = (Arena(chunkBytes: 1 << 16), noise.batch())
        for positions in [[0, 1, 2, 3], [1, 3], [2], []] {
            let (made, cut) = (noise.share(positions, arena: arena), batch.share(positions, arena: arena))
            #expect(made.positions == positions && made.globalBatch == 4)
            for part in [\LocalEmbeddings.imageGlobal, \.textGlobal, \.patches, \.words] {
                #expect(made[keyPath: part].toArray() == cut[keyPath: part].toArray())
            }
        }
        #expect(Set(batch.patches).count == batch.patches.count && Set(batch.words).count == batch.words.count)
        #expect(abs(batch.images[8..<16].reduce(0) { $0 + $1 * $1 } - 1) < 1e-6)
    }
}
