import AltaComm
import AltaCore
import AltaTensor

extension LocalContrastive {
    /// Second pass: gradients of patches and words, and per own study its part of those of the three logarithms.
    ///
    /// A study's patch gradient is added over the tiles in global order. A report's word gradient is added over the
    /// studies of all ranks, one term a study, in fixed point, a block of reports at a time. Collective.
    ///
    /// - Returns: `[b * 3]`: of `logit_scale_local1`, `2` and `3`.
    /// - Throws: `NotFiniteNumber`, the same on every rank, when a word's gradient is not finite or beyond the coarsest
    ///   scale.
    func gradients(_ statistics: LocalStatistics, patches: Matrix, words: Matrix) throws -> [Double] {
        patches.fill(0)
        let studies = StudyGradients.make(patches: patches, count: own.count, arena: context.arena)
        for reports in WordSumBlock.blocks(of: batch) {
            try context.arena.scoped {
                let rank = context.collectives.rank
                try addBlock(.make(reports, batch, own, rank: rank, arena: context.arena), statistics, studies, words)
            }
        }
        return (0..<own.count).flatMap { index in
            let scales = studies.scales[index]
            return [scales.patchScale, scales.poolingScale, thirdScaleGradient(index, statistics)]
        }
    }

    /// The gradients of a block of reports with all studies. Reports of which a word's term is beyond the scale's range on
    /// any rank are added up again, alone, at the next coarser scale: the choice depends on the batch alone. Collective.
    private func addBlock(
        _ block: WordSumBlock, _ statistics: LocalStatistics, _ studies: StudyGradients, _ words: Matrix
    ) throws {
        let choices = FixedPointSum.gradientShifts.map { FixedPointSum(shift: $0, terms: batch.globalBatch) }
        var scales = Array(repeating: choices[0], count: block.reports.count)
        var wanted = Array(repeating: true, count: block.reports.count)
        for (attempt, scale) in choices.enumerated() where wanted.contains(true) {
            // What the studies get is right at the first attempt.
            let studies = attempt == 0 ? studies : studies.forWordsAlone(arena: context.arena)
            for index in scales.indices where wanted[index] { scales[index] = scale }
            block.clear(wanted)
            let outside = context.clock.time(\.gradients) { addTiles(block, wanted, statistics, scale, studies) }
            let agreed = try context.clock.time(\.communication) {
                try context.collectives.allReduce(outside.map { $0 ? Int64(1) : 0 }, .maximum)
            }
            wanted = agreed.map { $0 != 0 }
        }
        if wanted.contains(true) { throw try notFinite(wanted, block, studies) }
        try context.clock.time(\.communication) {
            try block.giveBack(scales, into: words, arena: context.arena, context.collectives)
        }
    }

    /// A report at fault spoils itself alone, a study all reports: then the first such study is named. Collective.
    private func notFinite(
        _ bad: [Bool], _ block: WordSumBlock, _ studies: StudyGradients
    ) throws -> NotFiniteNumber {
        let own = studies.isOutside.indices.filter { studies.isOutside[$0] }.map { self.own.positions[$0] }
        let study = Int(try context.collectives.allReduce(Int64(own.min() ?? Int.max), .minimum))
        let report = bad.contains(false) ? bad.firstIndex(of: true).map { $0 + block.reports.lowerBound } : nil
        return NotFiniteNumber(
            "a word's gradient of the local contrastive loss",
            why: "it overflows, or is beyond the 1e14 that order-free sums hold", position: report ?? study,
            rank: batch.owner[report ?? study])
    }

    /// Returns for each report of the block whether a word's term was out of range.
    private func addTiles(
        _ block: WordSumBlock, _ wanted: [Bool], _ statistics: LocalStatistics, _ scale: FixedPointSum,
        _ studies: StudyGradients
    ) -> [Bool] {
        let (engine, arena) = (context.engine, context.arena)
        var outside = Array(repeating: false, count: wanted.count)
        forEachTile(
            block.reports, keepsWords: true,
            { .forGradients(own.patches(of: $0), studies.patches?.rows(patchRows($0)), engine: engine, arena: arena) }
        ) { group, tile, reports, scratch in
            let places = reports.lowerBound - block.reports.lowerBound..<reports.upperBound - block.reports.lowerBound
            guard wanted[places].contains(true) else { return }
            for thread in scratch { thread.clearSums(reports: reports.count, words: tile.words.rows) }
            engine.share(group.studies.count) { place, thread, engine in
                add(
                    tile, reports, group.studies.lowerBound + place, group.patches[place], statistics, scale,
                    studies, scratch[thread], engine)
            }
            for thread in scratch {
                block.add(thread.wordSums, reports, tile.segments, wanted: wanted)
                for (index, place) in places.enumerated() where thread.isOutside[index] && wanted[place] {
                    outside[place] = true
                }
            }
            guard reports.upperBound == block.reports.upperBound, let all = studies.patches else { return }
            for (index, study) in zip(group.studies, group.patches) {
                all.rows(patchRows(index)).copy(from: study.gradient(rows: study.count))
            }
        }
        return outside
    }

    /// The gradients of one study and one tile.
    private func add(
        _ tile: LocalSimilarityTile, _ reports: Range<Int>, _ index: Int, _ study: StudyPatches,
        _ statistics: LocalStatistics, _ fixedPoint: FixedPointSum, _ studies: StudyGradients, _ scratch: TileScratch,
        _ engine: Engine
    ) {
        let seeds = reports.map { scale * derivative(index, $0, statistics) }
        studies.scales[index] += tile.gradient(seeds: seeds, study, scratch: scratch, engine: engine)
        for report in 0..<reports.count {
            let words = tile.segments[report]
            let start = words.lowerBound * own.width
            let isInRange = fixedPoint.add(
                scratch.wordGradients.base + start, count: words.count * own.width, to: scratch.wordSums + start,
                engine: engine)
            if !isInRange {
                scratch.isOutside[report] = true
                studies.isOutside[index] = true
            }
        }
    }

    private func patchRows(_ index: Int) -> Range<Int> {
        index * own.patchesPerStudy..<(index + 1) * own.patchesPerStudy
    }

    private func thirdScaleGradient(_ index: Int, _ statistics: LocalStatistics) -> Double {
        (0..<batch.globalBatch).reduce(0.0) { $0 + derivative(index, $1, statistics) * logit(index, $1) }
    }

    /// The derivative of the loss with respect to one logit.
    private func derivative(_ index: Int, _ report: Int, _ statistics: LocalStatistics) -> Double {
        let position = own.positions[index]
        return logitGradient(
            logit(index, report), row: statistics.rows[position], column: statistics.columns[report],
            isOwn: report == position, globalBatch: batch.globalBatch)
    }
}

/// What the second pass adds up for the own studies.
private struct StudyGradients {
    /// `[b * P, d]`; nil where words alone are added up again.
    let patches: Matrix?
    /// `[b]`.
    let scales: UnsafeMutableBufferPointer<TileScaleGradient>
    /// `[b]`: whether a word's term of the study was out of range at the last attempt.
    let isOutside: UnsafeMutableBufferPointer<Bool>

    static func make(patches: Matrix?, count: Int, arena: Arena) -> StudyGradients {
        let gradients = StudyGradients(patches: patches, scales: arena.buffer(count), isOutside: arena.buffer(count))
        gradients.scales.initialize(repeating: TileScaleGradient())
        gradients.isOutside.initialize(repeating: false)
        return gradients
    }

    /// For adding up again what was out of range; whether it still is, is noted here.
    func forWordsAlone(arena: Arena) -> StudyGradients {
        isOutside.update(repeating: false)
        let again = StudyGradients(patches: nil, scales: arena.buffer(scales.count), isOutside: isOutside)
        again.scales.initialize(repeating: TileScaleGradient())
        return again
    }
}
