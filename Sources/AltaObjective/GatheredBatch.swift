import AltaComm
import AltaCore
import AltaTensor

/// The whole batch as every rank knows it: who owns which study, all words, all study and report vectors.
///
/// Embeddings stay where the exchange put them, in the order of their owners ("gathered order"); there is one copy.
struct GatheredBatch {
    /// B.
    let globalBatch: Int
    /// `[R]`: studies of each rank.
    let studyCounts: [Int]
    /// `[B]`, by global position: which rank owns the study.
    let owner: [Int]
    /// `[B]`, by global position: its place in gathered order.
    let source: [Int]
    /// `[rows, d]`: for each rank its study vectors, its report vectors and its words.
    let gathered: Matrix
    /// `[B]`, by global position: the rows of the report's words in `gathered`.
    let words: [Range<Int>]
    /// `[B, d]` in global order.
    let images: Matrix
    /// `[B, d]` in global order.
    let texts: Matrix

    /// Exchanges sizes, checks them and the numbers, then exchanges the embeddings. Collective.
    ///
    /// - Throws: the same on every rank: `UndefinedLosses` when the shares are no partition of the batch, `NotFiniteNumber`
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
        let rows = headers.map { studies in studies.reduce(0) { $0 + 2 + $1.words } }
        let batch = GatheredBatch(
            globalBatch: all.count, studyCounts: studyCounts, owner: owner, source: source,
            gathered: context.arena.matrix(rows.reduce(0, +), own.width), words: wordRows(headers),
            images: context.arena.matrix(all.count, own.width), texts: context.arena.matrix(all.count, own.width))
        try batch.exchange(own, rows: rows, context)
        batch.placeVectors(positions: headers.map { $0.map(\.position) })
        return batch
    }

    /// The rows of every report's words, by global position, below its owner's vectors: `[B]`.
    private static func wordRows(_ headers: [[StudyHeader]]) -> [Range<Int>] {
        var words = Array(repeating: 0..<0, count: headers.reduce(0) { $0 + $1.count })
        var row = 0
        for studies in headers {
            row += 2 * studies.count
            for study in studies {
                words[study.position] = row..<row + study.words
                row += study.words
            }
        }
        return words
    }

    /// Exchanges all embeddings at once, each rank's study vectors, report vectors and words one below the other: a
    /// message's latency is paid once. Collective.
    private func exchange(_ own: LocalEmbeddings, rows: [Int], _ context: ContrastiveContext) throws {
        try context.arena.scoped {
            let mine = context.arena.matrix(rows[context.collectives.rank], own.width)
            var next = 0
            for part in [own.imageGlobal, own.textGlobal, own.words] {
                mine.rows(next..<next + part.rows).copy(from: part)
                next += part.rows
            }
            try context.collectives.allGather(
                UnsafeBufferPointer(mine.elements), counts: rows.map { $0 * own.width }, into: gathered.elements)
        }
    }

    /// Brings study and report vectors into global order; `positions`: `[R][b]`.
    private func placeVectors(positions: [[Int]]) {
        var row = 0
        for studies in positions {
            for (index, position) in studies.enumerated() {
                images.row(position).update(from: gathered.row(row + index), count: gathered.columns)
                texts.row(position).update(from: gathered.row(row + studies.count + index), count: gathered.columns)
            }
            row = studies.last.map { words[$0].upperBound } ?? row
        }
    }

    /// The words of reports at these global positions, one report below the other, `[words, d]`, in `arena`.
    func copyWords(of reports: Range<Int>, arena: Arena) -> (words: Matrix, segments: Segments) {
        let segments = Segments(lengths: reports.map { words[$0].count })
        let copy = arena.matrix(segments.rows, gathered.columns)
        for (index, report) in reports.enumerated() {
            copy.rows(segments[index]).copy(from: gathered.rows(words[report]))
        }
        return (copy, segments)
    }

    /// `numbersPerStudy` numbers of each of this rank's studies become those of all studies, in global order. Collective.
    func gatherPerStudy(
        _ numbers: [Double], numbersPerStudy: Int, _ collectives: any Collectives
    ) throws -> [Double] {
        let gathered = try collectives.allGather(numbers, counts: studyCounts.map { $0 * numbersPerStudy })
        return source.flatMap { gathered[$0 * numbersPerStudy..<($0 + 1) * numbersPerStudy] }
    }
}
