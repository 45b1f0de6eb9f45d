import AltaComm
import AltaCore
import AltaTensor

/// The whole batch as every rank knows it: who owns which study, all words, all study and report vectors.
///
/// Words stay in the order of the ranks ("gathered order"), as they are owned; `source` leads there from the global one.
struct GatheredBatch {
    /// B.
    let globalBatch: Int
    /// `[R]`: studies of each rank.
    let studyCounts: [Int]
    /// `[B]`, by global position: which rank owns the study.
    let owner: [Int]
    /// `[B]`, by global position: its place in gathered order.
    let source: [Int]
    /// B segments in gathered order.
    let wordSegments: Segments
    /// `[R]`: words of each rank.
    let wordCounts: [Int]
    /// `[sum of W_i, d]` in gathered order.
    let words: Matrix
    /// `[B, d]` in global order.
    let images: Matrix
    /// `[B, d]` in global order.
    let texts: Matrix

    /// Exchanges sizes, checks them and the numbers, then exchanges the embeddings. Collective.
    ///
    /// - Throws: `AltaError`, the same on every rank, when the shares are no partition of the batch or an embedding is not
    ///   finite; it names the rank and the study's global position.
    static func gather(_ own: LocalEmbeddings, _ context: ContrastiveContext) throws -> GatheredBatch {
        let collectives = context.collectives
        let headers = try StudyHeader.exchange(own, collectives)
        try StudyHeader.check(headers, globalBatch: own.globalBatch)
        let all = headers.flatMap { $0 }
        let studyCounts = headers.map(\.count)
        let owners = headers.indices.flatMap { Array(repeating: $0, count: studyCounts[$0]) }
        var (owner, source) = (Array(repeating: 0, count: all.count), Array(repeating: 0, count: all.count))
        for (index, header) in all.enumerated() {
            owner[header.position] = owners[index]
            source[header.position] = index
        }
        let wordCounts = headers.map { $0.reduce(0) { $0 + $1.words } }
        let words = try gather(own.words, rows: wordCounts, context)
        let images = try gather(own.imageGlobal, rows: studyCounts, context)
        let texts = try gather(own.textGlobal, rows: studyCounts, context)
        return GatheredBatch(
            globalBatch: all.count, studyCounts: studyCounts, owner: owner, source: source,
            wordSegments: Segments(lengths: all.map(\.words)), wordCounts: wordCounts, words: words,
            images: reordered(images, source, context.arena), texts: reordered(texts, source, context.arena))
    }

    /// `numbersPerStudy` numbers of each of this rank's studies become those of all studies, in global order. Collective.
    func gatherPerStudy(
        _ numbers: [Double], numbersPerStudy: Int, _ collectives: any Collectives
    ) throws -> [Double] {
        let gathered = try collectives.allGather(numbers, counts: studyCounts.map { $0 * numbersPerStudy })
        return source.flatMap { gathered[$0 * numbersPerStudy..<($0 + 1) * numbersPerStudy] }
    }

    private static func gather(_ matrix: Matrix, rows: [Int], _ context: ContrastiveContext) throws -> Matrix {
        let all = context.arena.matrix(rows.reduce(0, +), matrix.columns)
        try context.collectives.allGather(
            UnsafeBufferPointer(matrix.elements), counts: rows.map { $0 * matrix.columns }, into: all.elements)
        return all
    }

    private static func reordered(_ matrix: Matrix, _ source: [Int], _ arena: Arena) -> Matrix {
        let result = arena.matrix(matrix.rows, matrix.columns)
        for (position, index) in source.enumerated() {
            result.row(position).update(from: matrix.row(index), count: matrix.columns)
        }
        return result
    }
}
