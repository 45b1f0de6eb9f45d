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
    /// This rank.
    let rank: Int
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
        _ reports: Range<Int>, _ batch: GatheredBatch, _ own: LocalEmbeddings, rank: Int, arena: Arena
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
            reports: reports, places: places, wordCounts: wordCounts, rank: rank,
            own: own.wordSegments.offsets[before]..<own.wordSegments.offsets[until], width: own.width,
            sums: arena.buffer(next * own.width))
    }

    /// Sets the sums of these reports of the block to 0.
    func clear(_ reports: [Bool]) {
        for (index, words) in places.enumerated() where reports[index] {
            for i in words.lowerBound * width..<words.upperBound * width { sums[i] = 0 }
        }
    }

    /// Adds the sums of a tile of the block, `[words, d]`, its reports in global order; of those in `wanted` `[reports]`.
    func add(_ tileSums: UnsafePointer<Int64>, _ tile: Range<Int>, _ segments: Segments, wanted: [Bool]) {
        for (index, report) in tile.enumerated() where wanted[report - reports.lowerBound] {
            let target = places[report - reports.lowerBound].lowerBound * width
            let source = tileSums + segments[index].lowerBound * width
            for i in 0..<segments[index].count * width { sums[target + i] &+= source[i] }
        }
    }

    /// Adds the sums up over the ranks and writes those of this rank's reports to its rows of `words`. Collective.
    ///
    /// - Parameter scales: `[reports]`, of each report's sums.
    func giveBack(
        _ scales: [FixedPointSum], into words: Matrix, arena: Arena, _ collectives: any Collectives
    ) throws {
        let total: UnsafeMutableBufferPointer<Int64> = arena.buffer(own.count * width)
        try collectives.reduceScatter(
            UnsafeBufferPointer(sums), counts: wordCounts.map { $0 * width }, into: total)
        let target = words.rows(own)
        var next = 0
        for (place, scale) in zip(places, scales) where ownPlaces.contains(place.lowerBound) {
            for _ in 0..<place.count * width {
                target.base[next] = Float(scale.value(total[next]))
                next += 1
            }
        }
    }

    /// Where this rank's reports stand in `sums`.
    private var ownPlaces: Range<Int> {
        let start = wordCounts[..<rank].reduce(0, +)
        return start..<start + wordCounts[rank]
    }
}
