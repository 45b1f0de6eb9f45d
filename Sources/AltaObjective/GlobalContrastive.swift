import AltaCore
import AltaTensor

/// The global loss (`global_loss` of the reference): symmetric InfoNCE of study and report vectors.
///
/// Vectors are small, so both sides are gathered and a rank computes the rows of its studies and the columns of its
/// reports; nothing is reduced but one number per study, and no sum crosses ranks. Logits are computed in double
/// precision, in an order that only B and d decide, and twice instead of kept: at 196 patches and 60 words that is some
/// thousandth of the local loss's work.
struct GlobalContrastive {
    /// The loss; the same on every rank.
    let loss: Double
    /// `[B]` in global order, over the reports: the log-sum-exps of the rows.
    let rows: [Double]
    /// `[B]` in global order, over the studies: the log-sum-exps of the columns.
    let columns: [Double]
    /// exp of `logit_scale`.
    let scale: Double

    /// The loss of the whole batch. Collective.
    static func evaluate(
        _ own: LocalEmbeddings, _ batch: GatheredBatch, scale: Double, _ context: ContrastiveContext
    ) throws -> GlobalContrastive {
        let statistics = context.clock.time(\.global) {
            own.positions.indices.flatMap { index -> [Double] in
                let position = own.positions[index]
                let row = logits(own.imageGlobal, index, batch.texts, scale)
                let column = logits(own.textGlobal, index, batch.images, scale)
                return [
                    row.withUnsafeBufferPointer(logSumExp), column.withUnsafeBufferPointer(logSumExp), row[position],
                    column[position],
                ]
            }
        }
        let all = try context.clock.time(\.communication) {
            try batch.gatherPerStudy(statistics, numbersPerStudy: 4, context.collectives)
        }
        let each = (0..<4).map { field in (0..<batch.globalBatch).map { all[$0 * 4 + field] } }
        try batch.checkFinite(each[0], each[1], "global contrastive loss")
        return GlobalContrastive(
            loss: symmetricCrossEntropy(
                rows: each[0], columns: each[1], rowLogits: each[2], columnLogits: each[3]),
            rows: each[0], columns: each[1], scale: scale)
    }

    /// The gradients of this rank's vectors; returns, per own study, its row's part of the gradient of `logit_scale`.
    func gradients(
        _ own: LocalEmbeddings, _ batch: GatheredBatch, images: Matrix, texts: Matrix
    ) -> [Double] {
        own.positions.indices.map { index in
            _ = gradient(
                of: own.textGlobal, index, own.positions[index], among: batch.images, own: columns, other: rows,
                into: texts.row(index))
            return gradient(
                of: own.imageGlobal, index, own.positions[index], among: batch.texts, own: rows, other: columns,
                into: images.row(index))
        }
    }

    /// One vector's gradient: the candidates weighted by the derivatives of its logits, added in global order.
    private func gradient(
        of vectors: Matrix, _ index: Int, _ position: Int, among candidates: Matrix, own: [Double], other: [Double],
        into gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        var sums = Array(repeating: 0.0, count: candidates.columns)
        var scaleGradient = 0.0
        for (j, logit) in Self.logits(vectors, index, candidates, scale).enumerated() {
            let derivative = logitGradient(
                logit, row: own[position], column: other[j], isOwn: j == position, globalBatch: candidates.rows)
            scaleGradient += derivative * logit
            let (weight, candidate) = (derivative * scale, candidates.row(j))
            for i in sums.indices { sums[i] += weight * Double(candidate[i]) }
        }
        for i in sums.indices { gradient[i] = Float(sums[i]) }
        return scaleGradient
    }

    /// The logits of one vector with all candidates: `[B]`.
    private static func logits(_ vectors: Matrix, _ index: Int, _ candidates: Matrix, _ scale: Double) -> [Double] {
        (0..<candidates.rows).map {
            scale * VectorLoops.preciseDot(vectors.row(index), candidates.row($0), count: candidates.columns)
        }
    }
}

extension GatheredBatch {
    /// Throws `NotFiniteNumber`, on every rank the same, if a row's log-sum-exp is not finite, or a column's (or else the
    /// logit of a study and its own report); both `[B]`, in global order.
    ///
    /// A report that overflows spoils every row and one column, a study one row and every column: the study at fault is
    /// the one that both have in common, where there is one.
    func checkFinite(_ rows: [Double], _ columns: [Double], _ loss: String) throws {
        let (badRows, badColumns) = (rows.map { !$0.isFinite }, columns.map { !$0.isFinite })
        let positions = rows.indices
        guard
            let position = positions.first(where: { badRows[$0] && badColumns[$0] })
                ?? positions.first(where: { badRows[$0] || badColumns[$0] })
        else { return }
        throw NotFiniteNumber(
            "the \(loss)", why: "a similarity of the study's radiographs or of its report overflows",
            position: position, rank: owner[position])
    }

    /// Throws `NotFiniteNumber`, on every rank the same, if a gradient of a study vector, a report vector or a patch is not
    /// finite; those of words are checked as they are added up. Collective.
    func checkGradients(
        _ own: LocalEmbeddings, images: Matrix, texts: Matrix, patches: Matrix, _ context: ContrastiveContext
    ) throws {
        let p = own.patchesPerStudy
        func isFinite(_ rows: Matrix) -> Bool { VectorLoops.allFinite(rows.base, count: rows.count) }
        // Two numbers a study, in global order: its place, then whether the global loss's gradients are the good ones.
        let faults = own.positions.indices.compactMap { index -> Int? in
            let isGlobal = !isFinite(images.rows(index..<index + 1)) || !isFinite(texts.rows(index..<index + 1))
            if isGlobal { return 2 * own.positions[index] }
            return isFinite(patches.rows(index * p..<(index + 1) * p)) ? nil : 2 * own.positions[index] + 1
        }
        let first = try context.clock.time(\.communication) {
            try context.collectives.allReduce(Int64(faults.min() ?? Int.max), .minimum)
        }
        guard first != Int64.max else { return }
        let position = Int(first) / 2
        throw NotFiniteNumber(
            "a gradient of the \(first % 2 == 0 ? "global" : "local") contrastive loss", why: "it overflows",
            position: position, rank: owner[position])
    }
}
