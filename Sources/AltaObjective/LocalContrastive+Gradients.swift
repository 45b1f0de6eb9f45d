import AltaComm
import AltaCore
import AltaTensor

extension LocalContrastive {
    /// Second pass: gradients of patches and words, and per own study its part of those of the three logarithms.
    ///
    /// A study's patch gradient is added over the tiles in global order. A report's word gradient is added over the
    /// studies of all ranks, one term a study, in fixed point; where a term is beyond the scale's range on any rank,
    /// every rank repeats the pass at the next coarser scale, so the choice depends on the batch alone. Collective.
    ///
    /// - Returns: `[b * 3]`: of `logit_scale_local1`, `2` and `3`.
    /// - Throws: `AltaError`, the same on every rank, when a gradient is not finite or beyond the coarsest scale.
    func gradients(_ statistics: LocalStatistics, patches: Matrix, words: Matrix) throws -> [Double] {
        let sums: UnsafeMutableBufferPointer<Int64> = context.arena.buffer(batch.words.count)
        var firstFault = Int64.max
        for shift in FixedPointSum.gradientShifts {
            let fixedPoint = FixedPointSum(shift: shift, terms: batch.globalBatch)
            let pass = context.clock.time(\.gradients) {
                secondPass(statistics, fixedPoint, patches: patches, sums: sums)
            }
            firstFault = try context.clock.time(\.communication) {
                try context.collectives.allReduce(Int64(pass.firstFault ?? Int.max), .minimum)
            }
            guard firstFault != Int64.max else {
                try reduce(sums, fixedPoint, into: words)
                return pass.scaleGradients
            }
        }
        throw AltaError(
            "a gradient of the local contrastive loss is not finite at position \(firstFault) of the global batch",
            why: "it overflows, or is beyond the 1e14 that order-free sums hold",
            remedy: "lower the learning rate, or look at that study's row of the data",
            rank: batch.owner[Int(firstFault)])
    }

    /// Gives each rank the sums of its own words.
    private func reduce(
        _ sums: UnsafeMutableBufferPointer<Int64>, _ fixedPoint: FixedPointSum, into words: Matrix
    ) throws {
        let own: UnsafeMutableBufferPointer<Int64> = context.arena.buffer(words.count)
        try context.clock.time(\.communication) {
            try context.collectives.reduceScatter(
                UnsafeBufferPointer(sums), counts: batch.wordCounts.map { $0 * words.columns }, into: own)
        }
        for i in 0..<words.count { words.base[i] = Float(fixedPoint.value(own[i])) }
    }

    private func secondPass(
        _ statistics: LocalStatistics, _ fixedPoint: FixedPointSum, patches: Matrix,
        sums: UnsafeMutableBufferPointer<Int64>
    ) -> (scaleGradients: [Double], firstFault: Int?) {
        patches.fill(0)
        sums.update(repeating: 0)
        let parts = StudyParts.make(own.count, arena: context.arena)
        forEachTile(
            { .forGradients($0, engine: context.engine, arena: context.arena) }, keepsWords: true
        ) { group, tile, reports, scratch in
            addGradients(group, tile, reports, statistics, fixedPoint, parts, scratch, patches)
            for thread in scratch { addWordSums(thread.wordSums, reports, tile.segments, to: sums) }
        }
        let faults = (0..<own.count).filter {
            let gradient = patches.rows(patchRows($0))
            return parts.isOutOfRange[$0] || !VectorLoops.allFinite(gradient.base, count: gradient.count)
        }
        let scaleGradients = (0..<own.count).flatMap { index in
            [
                parts.scales[index].patchScale, parts.scales[index].poolingScale,
                thirdScaleGradient(index, statistics),
            ]
        }
        return (scaleGradients, faults.map { own.positions[$0] }.min())
    }

    /// The gradients of one tile and a group of studies.
    private func addGradients(
        _ group: StudyGroup, _ tile: LocalSimilarityTile, _ reports: Range<Int>, _ statistics: LocalStatistics,
        _ fixedPoint: FixedPointSum, _ parts: StudyParts, _ scratch: [TileScratch], _ patches: Matrix
    ) {
        let count = tile.words.count
        for thread in scratch { thread.wordSums.update(repeating: 0, count: count) }
        context.engine.share(group.studies.count) { place, thread, engine in
            let (index, scratch, study) = (group.studies.lowerBound + place, scratch[thread], group.patches[place])
            let seeds = reports.map { scale * derivative(index, $0, statistics) }
            parts.scales[index] += tile.gradient(seeds: seeds, study, scratch: scratch, engine: engine)
            let isInRange = fixedPoint.add(
                scratch.wordGradients.base, count: count, to: scratch.wordSums, engine: engine)
            if !isInRange { parts.isOutOfRange[index] = true }
            if reports.upperBound == batch.globalBatch, let gradient = study.gradient {
                patches.rows(patchRows(index)).copy(from: gradient.rows(0..<study.count))
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

    /// Adds a tile's sums of word gradients to those of the batch, which are in gathered order.
    private func addWordSums(
        _ tileSums: UnsafePointer<Int64>, _ reports: Range<Int>, _ segments: Segments,
        to sums: UnsafeMutableBufferPointer<Int64>
    ) {
        for (place, report) in reports.enumerated() {
            let target = batch.gatheredSegments[batch.source[report]].lowerBound * own.width
            let source = tileSums + segments[place].lowerBound * own.width
            for i in 0..<segments[place].count * own.width { sums[target + i] &+= source[i] }
        }
    }
}

/// What the second pass adds up for each own study.
private struct StudyParts {
    let scales: UnsafeMutableBufferPointer<TileScaleGradient>
    /// Whether a word gradient of the study was beyond the fixed point's range.
    let isOutOfRange: UnsafeMutableBufferPointer<Bool>

    static func make(_ count: Int, arena: Arena) -> StudyParts {
        let parts = StudyParts(scales: arena.buffer(count), isOutOfRange: arena.buffer(count))
        parts.scales.initialize(repeating: TileScaleGradient())
        parts.isOutOfRange.initialize(repeating: false)
        return parts
    }
}
