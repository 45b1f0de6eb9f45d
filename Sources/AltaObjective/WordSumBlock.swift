import AltaComm
import AltaCore
import AltaTensor

/// The word gradients of neighbouring reports, added up in fixed point and given back to the ranks that own the reports.
///
/// One block at a time is in memory: 8 bytes a number of 128 reports (7.9 MB at 60 words and 128 numbers a word) and not
/// of the whole batch, on every rank. Blocks are aligned to the global report index, so they depend on the batch alone.
struct WordSumBlock {
    /// Reports of a block, whole tiles.
    static let reportsPerBlock = 16 * LocalContrastive.reportsPerTile

    /// The global positions.
    let reports: Range<Int>
    /// `[reports]`: the words of each in `sums`, where reports stand in the order of their owners.
    let places: [Range<Int>]
    /// `[R]`: words of each rank.
    let wordCounts: [Int]
    /// The rows of this rank's reports among its words.
    let own: Range<Int>
    /// d.
    let width: Int
    /// `[words, d]`.
    let sums: UnsafeMutableBufferPointer<Int64>

    /// The global positions of each block's reports.
    static func blocks(of batch: GatheredBatch) -> [Range<Int>] {
        stride(from: 0, to: batch.globalBatch, by: reportsPerBlock).map {
            $0..<min($0 + reportsPerBlock, batch.globalBatch)
        }
    }

    /// Room for the sums of these reports.
    static func make(
        _ reports: Range<Int>, _ batch: GatheredBatch, _ own: LocalEmbeddings, arena: Arena
    ) -> WordSumBlock {
        var places = Array(repeating: 0..<0, count: reports.count)
        var wordCounts = Array(repeating: 0, count: batch.studyCounts.count)
        var next = 0
        for report in reports.sorted(by: { batch.source[$0] < batch.source[$1] }) {
            let words = batch.words[report].count
            places[report - reports.lowerBound] = next..<next + words
            wordCounts[batch.owner[report]] += words
            next += words
        }
        // Positions ascend on every rank, so its reports of a block are neighbours.
        let before = own.positions.prefix { $0 < reports.lowerBound }.count
        let until = own.positions.prefix { $0 < reports.upperBound }.count
        return WordSumBlock(
            reports: reports, places: places, wordCounts: wordCounts,
            own: own.wordSegments.offsets[before]..<own.wordSegments.offsets[until], width: own.width,
            sums: arena.buffer(next * own.width))
    }

    /// Adds the sums of a tile of the block, `[words, d]`, its reports in global order.
    func add(_ tileSums: UnsafePointer<Int64>, _ tile: Range<Int>, _ segments: Segments) {
        for (index, report) in tile.enumerated() {
            let target = places[report - reports.lowerBound].lowerBound * width
            let source = tileSums + segments[index].lowerBound * width
            for i in 0..<segments[index].count * width { sums[target + i] &+= source[i] }
        }
    }

    /// Adds the sums up over the ranks and writes those of this rank's reports to its rows of `words`. Collective.
    func giveBack(
        _ fixedPoint: FixedPointSum, into words: Matrix, arena: Arena, _ collectives: any Collectives
    ) throws {
        let total: UnsafeMutableBufferPointer<Int64> = arena.buffer(own.count * width)
        try collectives.reduceScatter(
            UnsafeBufferPointer(sums), counts: wordCounts.map { $0 * width }, into: total)
        let target = words.rows(own)
        for i in 0..<target.count { target.base[i] = Float(fixedPoint.value(total[i])) }
    }
}
