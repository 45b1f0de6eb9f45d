import AltaComm
import AltaCore
import AltaTensor

/// The local loss (`local_loss` of the reference) over the global batch, sharded: symmetric InfoNCE of the similarities
/// of patches and words.
///
/// A rank computes the similarities of its own studies with all B reports, tile by tile; a tile is `reportsPerTile`
/// neighbours in global order, aligned to their global index, so that every product has a shape that the batch alone
/// decides. Kept are B similarities (doubles) a study. Columns are completed over the ranks by a maximum and by a sum in fixed
/// point, neither of which depends on order. Then each tile is computed again, with its gradient.
///
/// The studies of a tile are shared out to the engine's threads: each works on a study and the tile by itself.
struct LocalContrastive {
    /// Reports of one tile: its arrays of words x patches (8 x 60 x 196 floats, 0.4 MB) stay in a core's cache.
    static let reportsPerTile = 8
    /// Studies that are made ready at a time, which bounds the memory for it (about 0.4 MB a study).
    static let studiesTogether = 32

    let own: LocalEmbeddings
    let batch: GatheredBatch
    let scales: ContrastiveScales
    let context: ContrastiveContext
    /// `[b, B]`: similarities of this rank's studies, not yet times t3.
    let similarities: UnsafeMutableBufferPointer<Double>

    /// Reserves the memory of what both passes share.
    static func make(
        _ own: LocalEmbeddings, _ batch: GatheredBatch, scales: ContrastiveScales, context: ContrastiveContext
    ) -> LocalContrastive {
        LocalContrastive(
            own: own, batch: batch, scales: scales, context: context,
            similarities: context.arena.buffer(max(own.count * batch.globalBatch, 1)))
    }

    /// exp of `logit_scale_local3`.
    var scale: Double { Double.exponential(Double(scales.localScale3)) }

    /// The logit of own study `index` and the report at global position `report`.
    func logit(_ index: Int, _ report: Int) -> Double { scale * similarities[index * batch.globalBatch + report] }

    /// Runs `body` for every tile of some reports and every group of own studies, group after group.
    ///
    /// - Parameters:
    ///   - reports: global positions, from one that begins a tile.
    ///   - prepare: makes an own study ready.
    ///   - body: gets the group, the tile, the global positions of its reports and memory for a tile on each thread.
    func forEachTile(
        _ reports: Range<Int>, keepsWords: Bool, _ prepare: (_ index: Int) -> StudyPatches,
        _ body: (StudyGroup, LocalSimilarityTile, Range<Int>, [TileScratch]) -> Void
    ) {
        for first in stride(from: 0, to: own.count, by: Self.studiesTogether) {
            context.arena.scoped {
                let studies = first..<min(first + Self.studiesTogether, own.count)
                let group = StudyGroup(studies: studies, patches: studies.map(prepare))
                for start in stride(from: reports.lowerBound, to: reports.upperBound, by: Self.reportsPerTile) {
                    let reports = start..<min(start + Self.reportsPerTile, reports.upperBound)
                    context.arena.scoped {
                        let tile = tile(reports, keepsWords: keepsWords)
                        body(group, tile, reports, scratch(tile, group))
                    }
                }
            }
        }
    }

    /// Memory for a tile on each thread that a group keeps busy.
    private func scratch(_ tile: LocalSimilarityTile, _ group: StudyGroup) -> [TileScratch] {
        (0..<min(context.engine.threads, group.studies.count)).map { _ in
            TileScratch.make(
                words: tile.words.rows, patches: group.patches[0].matrix.rows, width: own.width,
                format: context.engine.format, arena: context.arena)
        }
    }

    private func tile(_ reports: Range<Int>, keepsWords: Bool) -> LocalSimilarityTile {
        let (words, segments) = batch.copyWords(of: reports, arena: context.arena)
        return .make(
            words: words, segments: segments, scales: scales, engine: context.engine,
            arena: keepsWords ? context.arena : nil)
    }

    /// First pass: the similarities, the statistics of rows and columns, the loss. Collective.
    func evaluate() throws -> LocalStatistics {
        context.clock.time(\.similarities) {
            forEachTile(
                0..<batch.globalBatch, keepsWords: false,
                { .forSimilarities(own.patches(of: $0), arena: context.arena) }
            ) { group, tile, reports, scratch in
                context.engine.share(group.studies.count) { place, thread, engine in
                    tile.similarities(
                        group.patches[place], scratch: scratch[thread], engine: engine,
                        into: row(group.studies.lowerBound + place) + reports.lowerBound)
                }
            }
        }
        let rowStatistics = own.positions.indices.flatMap { index -> [Double] in
            let logits = (0..<batch.globalBatch).map { logit(index, $0) }
            return [logits.withUnsafeBufferPointer(logSumExp), logits[own.positions[index]]]
        }
        let all = try context.clock.time(\.communication) {
            try batch.gatherPerStudy(rowStatistics, numbersPerStudy: 2, context.collectives)
        }
        let (rows, diagonal) = (every(2, of: all, from: 0), every(2, of: all, from: 1))
        try batch.checkFinite(rows, diagonal, "local contrastive loss")
        let columns = try columnStatistics()
        return LocalStatistics(
            loss: symmetricCrossEntropy(rows: rows, columns: columns, rowLogits: diagonal, columnLogits: diagonal),
            rows: rows, columns: columns)
    }

    /// The log-sum-exps of all columns, the same bits at any number of ranks: `[B]`. Collective.
    ///
    /// A column's maximum contributes exactly 1 to its sum of exp(logit - maximum), so the sum is at least 1 and the
    /// fixed point's error at most B * 2^-(shift + 1) of it: below 2^-38 up to B = 4096.
    private func columnStatistics() throws -> [Double] {
        let count = batch.globalBatch
        var maxima = Array(repeating: -Double.greatestFiniteMagnitude, count: count)
        for index in 0..<own.count {
            for report in 0..<count { maxima[report] = max(maxima[report], logit(index, report)) }
        }
        maxima = try reduced(maxima, .maximum)
        let fixedPoint = FixedPointSum.ofFractions(terms: count)
        var sums = Array(repeating: Int64(0), count: count)
        for index in 0..<own.count {
            for report in 0..<count {
                sums[report] &+= fixedPoint.term(Double.exponential(logit(index, report) - maxima[report]))
            }
        }
        sums = try reduced(sums, .sum)
        return (0..<count).map { maxima[$0] + Double.naturalLogarithm(fixedPoint.value(sums[$0])) }
    }

    private func reduced<E: CollectiveElement>(_ values: [E], _ operation: ReduceOperation) throws -> [E] {
        try context.clock.time(\.communication) { try context.collectives.allReduce(values, operation) }
    }

    /// The similarities of own study `index`: `[B]`.
    private func row(_ index: Int) -> UnsafeMutablePointer<Double> {
        guard let start = similarities.baseAddress else { preconditionFailure("similarities of no study") }
        return start + index * batch.globalBatch
    }

    private func every(_ step: Int, of numbers: [Double], from start: Int) -> [Double] {
        stride(from: start, to: numbers.count, by: step).map { numbers[$0] }
    }
}

/// What the first pass finds; the same on every rank.
struct LocalStatistics {
    let loss: Double
    /// `[B]` in global order: the log-sum-exps of the rows, each a study's.
    let rows: [Double]
    /// `[B]` in global order: the log-sum-exps of the columns, each a report's.
    let columns: [Double]
}

/// Own studies that are compared with a tile one after the other.
struct StudyGroup {
    /// Their indices on this rank.
    let studies: Range<Int>
    /// Their patches, one for each.
    let patches: [StudyPatches]
}
