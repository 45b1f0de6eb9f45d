import AltaCore
import AltaTensor

/// The embeddings of a whole global batch as plain arrays, in global order: what tests and checks change, deal to ranks and
/// hold against `NaiveContrastive`.
package struct EmbeddingBatch: Sendable {
    /// d, the width of the joint space.
    package var width: Int
    /// P.
    package var patchesPerStudy: Int
    /// `[B]`: the words of each report.
    package var wordCounts: [Int]
    /// `[B, d]`: study vectors.
    package var images: [Float]
    /// `[B, d]`: report vectors.
    package var texts: [Float]
    /// `[B * P, d]`.
    package var patches: [Float]
    /// `[sum of W_i, d]`.
    package var words: [Float]
    /// The temperatures.
    package var scales: ContrastiveScales

    /// Stores the parts.
    package init(
        width: Int, patchesPerStudy: Int, wordCounts: [Int], images: [Float], texts: [Float], patches: [Float],
        words: [Float], scales: ContrastiveScales
    ) {
        self.width = width
        self.patchesPerStudy = patchesPerStudy
        self.wordCounts = wordCounts
        self.images = images
        self.texts = texts
        self.patches = patches
        self.words = words
        self.scales = scales
    }

    /// Noise; `wordCounts` gives the batch's size, `spread` the deviation of a number of a patch or word.
    package static func random(
        seed: UInt64, width: Int, patches: Int, wordCounts: [Int],
        scale: Float = SyntheticEmbeddings.initialScale, spread: Double = 0.6
    ) -> EmbeddingBatch {
        SyntheticEmbeddings(
            seed: seed, width: width, patchesPerStudy: patches, wordCounts: wordCounts, scale: scale, spread: spread
        ).batch()
    }

    /// B.
    package var count: Int { wordCounts.count }
    /// B segments: the words of each report.
    package var segments: Segments { Segments(lengths: wordCounts) }

    /// The embeddings of one rank, whose studies stand at these ascending positions; memory from `arena`.
    package func share(_ positions: [Int], arena: Arena) -> LocalEmbeddings {
        let (d, p, segments) = (width, patchesPerStudy, segments)
        return LocalEmbeddings.make(
            positions: positions, wordCounts: wordCounts, patchesPerStudy: p, width: d, arena: arena
        ) { study, part, rows in
            func copy(_ numbers: [Float], from row: Int) {
                rows.copy(from: numbers[row * d..<(row + rows.rows) * d])
            }
            switch part {
            case .studyVector: copy(images, from: study)
            case .reportVector: copy(texts, from: study)
            case .patches: copy(patches, from: study * p)
            case .words: copy(words, from: segments[study].lowerBound)
            }
        }
    }
}

/// The parts of a study's embeddings.
enum EmbeddingPart: UInt64, CaseIterable {
    case studyVector, reportVector, patches, words
}

extension LocalEmbeddings {
    /// Memory for a share, each study's rows of which `fill` writes.
    ///
    /// - Parameters:
    ///   - wordCounts: `[B]`, the whole batch's.
    ///   - fill: is given a study's position, one part of its embeddings, and the rows of that part.
    static func make(
        positions: [Int], wordCounts: [Int], patchesPerStudy: Int, width: Int, arena: Arena,
        fill: (Int, EmbeddingPart, Matrix) -> Void
    ) -> LocalEmbeddings {
        let segments = Segments(lengths: positions.map { wordCounts[$0] })
        let own = LocalEmbeddings(
            positions: positions, globalBatch: wordCounts.count, imageGlobal: arena.matrix(positions.count, width),
            textGlobal: arena.matrix(positions.count, width),
            patches: arena.matrix(positions.count * patchesPerStudy, width),
            words: arena.matrix(segments.rows, width), wordSegments: segments)
        for (index, position) in positions.enumerated() {
            fill(position, .studyVector, own.imageGlobal.rows(index..<index + 1))
            fill(position, .reportVector, own.textGlobal.rows(index..<index + 1))
            fill(position, .patches, own.patches(of: index))
            fill(position, .words, own.words.rows(segments[index]))
        }
        return own
    }
}
