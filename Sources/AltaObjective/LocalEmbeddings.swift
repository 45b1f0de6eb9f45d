import AltaCore
import AltaTensor

/// One rank's share of the embeddings of a global batch: what both contrastive losses start from.
///
/// Legend: B studies in the global batch, b of them on this rank (may be 0), P patches of a study (the same for all),
/// W_i words of the report of study i, d the width of the joint space.
public struct LocalEmbeddings {
    /// `[b]`: where in the global batch this rank's studies stand, ascending; the ranks' positions together are 0..<B.
    public let positions: [Int]
    /// B.
    public let globalBatch: Int
    /// `[b, d]`: study vectors, rows of norm 1.
    public let imageGlobal: Matrix
    /// `[b, d]`: report vectors, rows of norm 1.
    public let textGlobal: Matrix
    /// `[b * P, d]`: patch embeddings, study after study.
    public let patches: Matrix
    /// `[sum of W_i, d]`: word embeddings, report after report.
    public let words: Matrix
    /// b segments: the words of each report; a report has at least one.
    public let wordSegments: Segments

    /// Checks the shapes and stores them.
    public init(
        positions: [Int], globalBatch: Int, imageGlobal: Matrix, textGlobal: Matrix, patches: Matrix, words: Matrix,
        wordSegments: Segments
    ) {
        let count = positions.count
        precondition(zip(positions, positions.dropFirst()).allSatisfy(<), "positions \(positions) do not ascend")
        precondition(
            positions.allSatisfy { (0..<globalBatch).contains($0) }, "positions \(positions) of \(globalBatch) studies")
        precondition(
            imageGlobal.rows == count && textGlobal.rows == count && wordSegments.count == count,
            "\(count) positions, images \(imageGlobal.shape), texts \(textGlobal.shape), \(wordSegments.count) reports")
        precondition(
            count == 0 ? patches.rows == 0 : patches.rows % count == 0,
            "patches \(patches.shape) of \(count) studies")
        precondition(words.rows == wordSegments.rows, "words \(words.shape), segments of \(wordSegments.rows) rows")
        let widths = Set([imageGlobal.columns, textGlobal.columns, patches.columns, words.columns])
        precondition(widths.count == 1, "embeddings of several widths: \(widths.sorted())")
        self.positions = positions
        self.globalBatch = globalBatch
        self.imageGlobal = imageGlobal
        self.textGlobal = textGlobal
        self.patches = patches
        self.words = words
        self.wordSegments = wordSegments
    }

    /// d.
    public var width: Int { words.columns }

    /// b.
    public var count: Int { positions.count }

    /// P; 0 on a rank without studies.
    public var patchesPerStudy: Int { positions.isEmpty ? 0 : patches.rows / positions.count }

    /// The patches of this rank's study `index`: `[P, d]`.
    func patches(of index: Int) -> Matrix {
        patches.rows(index * patchesPerStudy..<(index + 1) * patchesPerStudy)
    }
}
