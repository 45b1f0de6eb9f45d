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
    /// - Throws: the same on every rank: `AltaError` when the shares are no partition of the batch, `NotFiniteNumber`
    ///   when an embedding is not finite; with the rank and the study's global position.
    static func gather(_ own: LocalEmbeddings, _ context: ContrastiveContext) throws -> GatheredBatch {
        let collectives = context.collectives
        let headers = try context.clock.time(\.waited) { try StudyHeader.exchange(own, collectives) }
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
        let batch = GatheredBatch(
            globalBatch: all.count, studyCounts: studyCounts, owner: owner, source: source,
            wordSegments: Segments(lengths: all.map(\.words)), wordCounts: wordCounts,
            words: context.arena.matrix(wordCounts.reduce(0, +), own.width),
            images: context.arena.matrix(all.count, own.width), texts: context.arena.matrix(all.count, own.width))
        try context.arena.scoped { try batch.exchange(own, positions: all.map(\.position), context) }
        return batch
    }

    /// Exchanges all embeddings at once, each rank's study vectors, report vectors and words one below the other, and puts
    /// them in their places: a message's latency is paid once, and copying costs little beside it. Collective.
    ///
    /// - Parameter positions: `[B]`, of the studies in gathered order.
    private func exchange(_ own: LocalEmbeddings, positions: [Int], _ context: ContrastiveContext) throws {
        let rows = zip(studyCounts, wordCounts).map { 2 * $0 + $1 }
        let mine = context.arena.matrix(rows[context.collectives.rank], own.width)
        var next = 0
        for part in [own.imageGlobal, own.textGlobal, own.words] {
            mine.rows(next..<next + part.rows).copy(from: part)
            next += part.rows
        }
        let gathered = context.arena.matrix(rows.reduce(0, +), own.width)
        try context.collectives.allGather(
            UnsafeBufferPointer(mine.elements), counts: rows.map { $0 * own.width }, into: gathered.elements)
        var (row, study, word) = (0, 0, 0)
        for (count, words) in zip(studyCounts, wordCounts) {
            for (index, position) in positions[study..<study + count].enumerated() {
                images.row(position).update(from: gathered.row(row + index), count: own.width)
                texts.row(position).update(from: gathered.row(row + count + index), count: own.width)
            }
            row += 2 * count
            self.words.rows(word..<word + words).copy(from: gathered.rows(row..<row + words))
            (row, study, word) = (row + words, study + count, word + words)
        }
    }

    /// `numbersPerStudy` numbers of each of this rank's studies become those of all studies, in global order. Collective.
    func gatherPerStudy(
        _ numbers: [Double], numbersPerStudy: Int, _ collectives: any Collectives
    ) throws -> [Double] {
        let gathered = try collectives.allGather(numbers, counts: studyCounts.map { $0 * numbersPerStudy })
        return source.flatMap { gathered[$0 * numbersPerStudy..<($0 + 1) * numbersPerStudy] }
    }
}
