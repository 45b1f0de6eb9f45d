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
    /// - Throws: `NotFiniteNumber`, the same on every rank, when a gradient is not finite or beyond the coarsest scale.
    func gradients(_ statistics: LocalStatistics, patches: Matrix, words: Matrix) throws -> [Double] {
        patches.fill(0)
        let studies = StudyGradients.make(patches: patches, count: own.count, arena: context.arena)
        for reports in WordSumBlock.blocks(of: batch) {
            try context.arena.scoped {
                try addBlock(.make(reports, batch, own, arena: context.arena), statistics, studies, words)
            }
        }
        let faults = (0..<own.count).filter {
            let gradient = patches.rows(patchRows($0))
            return !VectorLoops.allFinite(gradient.base, count: gradient.count)
        }
        if let fault = try first(of: faults) { throw notFinite(fault) }
        return (0..<own.count).flatMap { index in
            let scales = studies.scales[index]
            return [scales.patchScale, scales.poolingScale, thirdScaleGradient(index, statistics)]
        }
    }

    /// The gradients of a block of reports with all studies. Where a word's term is beyond the scale's range on any rank,
    /// every rank adds the block's words up again at the next coarser scale: the choice depends on the batch alone.
    /// Collective.
    private func addBlock(
        _ block: WordSumBlock, _ statistics: LocalStatistics, _ studies: StudyGradients, _ words: Matrix
    ) throws {
        var fault: Int?
        for (attempt, shift) in FixedPointSum.gradientShifts.enumerated() {
            let fixedPoint = FixedPointSum(shift: shift, terms: batch.globalBatch)
            // What the studies get is right at the first attempt.
            let studies = attempt == 0 ? studies : studies.forWordsAlone(arena: context.arena)
            block.sums.update(repeating: 0)
            studies.isOutOfRange.update(repeating: false)
            context.clock.time(\.gradients) { addTiles(block, statistics, fixedPoint, studies) }
            fault = try first(of: (0..<own.count).filter { studies.isOutOfRange[$0] })
            guard fault != nil else {
                return try context.clock.time(\.communication) {
                    try block.giveBack(fixedPoint, into: words, arena: context.arena, context.collectives)
                }
            }
        }
        if let fault { throw notFinite(fault) }
    }

    /// The smallest global position of the own studies `indices` of all ranks; nil: there are none. Collective.
    private func first(of indices: [Int]) throws -> Int? {
        let position = indices.map { own.positions[$0] }.min() ?? Int.max
        let first = try context.clock.time(\.communication) {
            try context.collectives.allReduce(Int64(position), .minimum)
        }
        return first == Int64.max ? nil : Int(first)
    }

    private func notFinite(_ position: Int) -> NotFiniteNumber {
        NotFiniteNumber(
            "a gradient of the local contrastive loss",
            why: "it overflows, or is beyond the 1e14 that order-free sums hold", position: position,
            rank: batch.owner[position])
    }

    private func addTiles(
        _ block: WordSumBlock, _ statistics: LocalStatistics, _ fixedPoint: FixedPointSum, _ studies: StudyGradients
    ) {
        let (engine, arena) = (context.engine, context.arena)
        forEachTile(
            block.reports, keepsWords: true,
            { .forGradients(own.patches(of: $0), studies.patches?.rows(patchRows($0)), engine: engine, arena: arena) }
        ) { group, tile, reports, scratch in
            for thread in scratch { thread.wordSums.update(repeating: 0, count: tile.words.count) }
            engine.share(group.studies.count) { place, thread, engine in
                add(
                    tile, reports, group.studies.lowerBound + place, group.patches[place], statistics, fixedPoint,
                    studies, scratch[thread], engine)
            }
            for thread in scratch { block.add(thread.wordSums, reports, tile.segments) }
            guard reports.upperBound == block.reports.upperBound, let all = studies.patches else { return }
            for (index, study) in zip(group.studies, group.patches) {
                all.rows(patchRows(index)).copy(from: study.gradient(rows: study.count))
            }
        }
    }

    /// The gradients of one study and one tile.
    private func add(
        _ tile: LocalSimilarityTile, _ reports: Range<Int>, _ index: Int, _ study: StudyPatches,
        _ statistics: LocalStatistics, _ fixedPoint: FixedPointSum, _ studies: StudyGradients, _ scratch: TileScratch,
        _ engine: Engine
    ) {
        let seeds = reports.map { scale * derivative(index, $0, statistics) }
        studies.scales[index] += tile.gradient(seeds: seeds, study, scratch: scratch, engine: engine)
        let isInRange = fixedPoint.add(
            scratch.wordGradients.base, count: tile.words.count, to: scratch.wordSums, engine: engine)
        if !isInRange { studies.isOutOfRange[index] = true }
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
    /// `[b]`: whether a term of the study was beyond the fixed point's range.
    let isOutOfRange: UnsafeMutableBufferPointer<Bool>

    static func make(patches: Matrix?, count: Int, arena: Arena) -> StudyGradients {
        let gradients = StudyGradients(patches: patches, scales: arena.buffer(count), isOutOfRange: arena.buffer(count))
        gradients.scales.initialize(repeating: TileScaleGradient())
        gradients.isOutOfRange.initialize(repeating: false)
        return gradients
    }

    func forWordsAlone(arena: Arena) -> StudyGradients { .make(patches: nil, count: scales.count, arena: arena) }
}
