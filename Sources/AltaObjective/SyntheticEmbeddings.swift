import AltaCore
import AltaTensor

/// Embeddings made of noise, for tests and benchmarks: a study's depend on the seed and its position alone, so that a rank
/// makes its own ones, and any number of ranks has the same batch.
package struct SyntheticEmbeddings: Sendable {
    /// The published initial temperature, ln(1 / 0.07).
    package static let initialScale: Float = 2.659_26

    /// d.
    package let width: Int
    /// P.
    package let patchesPerStudy: Int
    /// `[B]`: the words of each report.
    package let wordCounts: [Int]
    /// The temperatures, all four the same.
    package let scales: ContrastiveScales
    private let spread: Double
    private let key: RandomKey

    /// Normal numbers of deviation `spread` in patches and words; study and report vectors of norm 1.
    package init(
        seed: UInt64, width: Int, patchesPerStudy: Int, wordCounts: [Int], scale: Float = initialScale,
        spread: Double
    ) {
        self.width = width
        self.patchesPerStudy = patchesPerStudy
        self.wordCounts = wordCounts
        self.spread = spread
        scales = ContrastiveScales(logitScale: scale, localScale1: scale, localScale2: scale, localScale3: scale)
        key = RandomKey(seed: seed, purpose: .synthesis)
    }

    /// Lengths of `count` reports, in an order of the seed's: spread evenly from half the mean to half as much again, with
    /// that mean to half a word.
    package static func wordCounts(_ count: Int, mean: Int, seed: UInt64) -> [Int] {
        precondition(mean > 0, "reports of \(mean) words")
        let shortest = (mean + 1) / 2
        let span = Double(2 * (mean - shortest))
        let order = RandomKey(seed: seed, purpose: .synthesis).permutation(count)
        return order.map { shortest + Int((span * (Double($0) + 0.5) / Double(count)).rounded()) }
    }

    /// The embeddings of the studies at these ascending positions; memory from `arena`.
    package func share(_ positions: [Int], arena: Arena) -> LocalEmbeddings {
        LocalEmbeddings.make(
            positions: positions, wordCounts: wordCounts, patchesPerStudy: patchesPerStudy, width: width, arena: arena
        ) { study, part, rows in
            RandomFill.normal(
                rows.elements, deviation: spread, key: key.child(UInt64(study)).child(part.rawValue))
            if part == .studyVector || part == .reportVector { normalize(rows) }
        }
    }

    /// All of them as arrays.
    package func batch() -> EmbeddingBatch {
        let arena = Arena(chunkBytes: 1 << 20)
        let all = share(Array(wordCounts.indices), arena: arena)
        return withExtendedLifetime(arena) {
            EmbeddingBatch(
                width: width, patchesPerStudy: patchesPerStudy, wordCounts: wordCounts,
                images: all.imageGlobal.toArray(), texts: all.textGlobal.toArray(), patches: all.patches.toArray(),
                words: all.words.toArray(), scales: scales)
        }
    }

    private func normalize(_ row: Matrix) {
        let norm = row.elements.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
        for i in 0..<row.count { row.base[i] /= norm }
    }
}
