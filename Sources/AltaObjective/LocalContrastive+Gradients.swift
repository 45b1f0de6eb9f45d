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
    /// - Throws: `NotFiniteNumber`, the same on every rank, when a gradient is not finite or beyond the coarsest scale.
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
        throw NotFiniteNumber(
            "a gradient of the local contrastive loss",
            why: "it overflows, or is beyond the 1e14 that order-free sums hold", position: Int(firstFault),
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
        var scaleGradients = own.positions.indices.map { thirdScaleGradient($0, statistics) }
        var faults = Set<Int>()
        for reports in Self.tiles(of: batch) where own.count > 0 {
            let tile = tile(reports)
            for index in 0..<own.count {
                scaleGradients[index].tile += gradient(
                    of: tile, reports, index, statistics, patches.rows(patchRows(index)))
                if !addWordGradients(reports, tile.segments, fixedPoint, sums) { faults.insert(own.positions[index]) }
            }
        }
        for index in 0..<own.count {
            let gradient = patches.rows(patchRows(index))
            if !VectorLoops.allFinite(gradient.base, count: gradient.count) { faults.insert(own.positions[index]) }
        }
        return (scaleGradients.flatMap { [$0.tile.patchScale, $0.tile.poolingScale, $0.third] }, faults.min())
    }

    private func patchRows(_ index: Int) -> Range<Int> {
        index * own.patchesPerStudy..<(index + 1) * own.patchesPerStudy
    }

    private func thirdScaleGradient(
        _ index: Int, _ statistics: LocalStatistics
    ) -> (tile: TileScaleGradient, third: Double) {
        var sum = 0.0
        for report in 0..<batch.globalBatch {
            sum += derivative(index, report, statistics) * logit(index, report)
        }
        return (TileScaleGradient(), sum)
    }

    /// The derivative of the loss with respect to one logit.
    private func derivative(_ index: Int, _ report: Int, _ statistics: LocalStatistics) -> Double {
        let position = own.positions[index]
        return logitGradient(
            logit(index, report), row: statistics.rows[position], column: statistics.columns[report],
            isOwn: report == position, globalBatch: batch.globalBatch)
    }

    private func gradient(
        of tile: LocalSimilarityTile, _ reports: Range<Int>, _ index: Int, _ statistics: LocalStatistics,
        _ patchGradient: Matrix
    ) -> TileScaleGradient {
        let patches = own.patches(of: index)
        let seeds = reports.map { scale * derivative(index, $0, statistics) }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: reports.count) { again in
            guard let start = again.baseAddress else { return TileScaleGradient() }
            tile.similarities(patches: patches, scratch: scratch, engine: context.engine, into: start)
            return tile.gradient(
                seeds: seeds, patches: patches, scratch: scratch, engine: context.engine, patchGradient: patchGradient)
        }
    }

    /// Adds one study's gradients of a tile's words to the sums, which are in gathered order; false if out of range.
    private func addWordGradients(
        _ reports: Range<Int>, _ segments: Segments, _ fixedPoint: FixedPointSum,
        _ sums: UnsafeMutableBufferPointer<Int64>
    ) -> Bool {
        guard let start = sums.baseAddress else { return true }
        var isInRange = true
        for (place, report) in reports.enumerated() {
            let target = batch.wordSegments[batch.source[report]]
            // Every term is added, also after one is out of range: the pass is judged as a whole.
            let added = fixedPoint.add(
                scratch.wordGradients + segments[place].lowerBound * own.width, count: target.count * own.width,
                to: start + target.lowerBound * own.width)
            isInRange = isInRange && added
        }
        return isInRange
    }
}
