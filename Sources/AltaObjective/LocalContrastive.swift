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
struct LocalContrastive {
    /// Reports of one tile: its arrays of words x patches (8 x 60 x 196 floats, 0.4 MB) stay in a core's cache.
    static let reportsPerTile = 8

    let own: LocalEmbeddings
    let batch: GatheredBatch
    let scales: ContrastiveScales
    let context: ContrastiveContext
    /// `[b, B]`: similarities of this rank's studies, not yet times t3.
    let similarities: UnsafeMutableBufferPointer<Double>
    let scratch: TileScratch
    /// `[words of the largest tile, d]`.
    let tileWords: Matrix

    /// Reserves the memory of both passes.
    init(_ own: LocalEmbeddings, _ batch: GatheredBatch, scales: ContrastiveScales, context: ContrastiveContext) {
        self.own = own
        self.batch = batch
        self.scales = scales
        self.context = context
        let largest = Self.tiles(of: batch).map { batch.words(of: $0).reduce(0, +) }.max() ?? 0
        similarities = context.arena.buffer(max(own.count * batch.globalBatch, 1))
        scratch = TileScratch(
            words: largest, patches: own.patchesPerStudy, width: own.width, arena: context.arena)
        tileWords = context.arena.matrix(largest, own.width)
    }

    /// exp of `logit_scale_local3`.
    var scale: Double { Double.exponential(Double(scales.localScale3)) }

    /// The logit of own study `index` and the report at global position `report`.
    func logit(_ index: Int, _ report: Int) -> Double { scale * similarities[index * batch.globalBatch + report] }

    /// The global positions of each tile's reports.
    static func tiles(of batch: GatheredBatch) -> [Range<Int>] {
        stride(from: 0, to: batch.globalBatch, by: reportsPerTile).map {
            $0..<min($0 + reportsPerTile, batch.globalBatch)
        }
    }

    /// The tile of these reports, its words copied side by side.
    func tile(_ reports: Range<Int>) -> LocalSimilarityTile {
        let segments = Segments(lengths: batch.words(of: reports))
        for (place, report) in reports.enumerated() {
            let source = batch.words.rows(batch.wordSegments[batch.source[report]])
            tileWords.rows(segments[place]).copy(from: source)
        }
        return LocalSimilarityTile(words: tileWords.rows(0..<segments.rows), segments: segments, scales: scales)
    }

    /// First pass: the similarities, the statistics of rows and columns, the loss. Collective.
    func evaluate() throws -> LocalStatistics {
        context.clock.time(\.similarities) {
            for reports in Self.tiles(of: batch) where own.count > 0 {
                let tile = tile(reports)
                for index in 0..<own.count {
                    tile.similarities(
                        patches: own.patches(of: index), scratch: scratch, engine: context.engine,
                        into: row(index) + reports.lowerBound)
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
    /// fixed point's error at most B * 2^-(shift + 1) of it: below 2^-37 up to B = 4096.
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

extension GatheredBatch {
    /// The numbers of words of the reports at these global positions.
    func words(of reports: Range<Int>) -> [Int] { reports.map { wordSegments[source[$0]].count } }
}
