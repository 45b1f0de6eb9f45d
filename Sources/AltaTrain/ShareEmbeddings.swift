import AltaAutograd
import AltaCore
import AltaData
import AltaModel
import AltaObjective
import AltaTensor

/// The embeddings of a rank's whole share of the global batch, collected micro-batch by micro-batch.
struct ShareEmbeddings {
    let imageGlobal: Matrix
    let textGlobal: Matrix
    let patches: Matrix
    let words: Matrix
    let wordSegments: Segments
    let patchesPerStudy: Int

    /// Room for the embeddings of these studies.
    static func make(_ studies: [PreparedStudy], config: ModelConfig, arena: Arena) -> ShareEmbeddings {
        let wordSegments = Segments(lengths: studies.map { $0.report.ids.count - 1 })
        let patchesPerStudy = View.count * config.kept
        return ShareEmbeddings(
            imageGlobal: arena.matrix(studies.count, config.projection),
            textGlobal: arena.matrix(studies.count, config.projection),
            patches: arena.matrix(studies.count * patchesPerStudy, config.projection),
            words: arena.matrix(wordSegments.rows, config.projection), wordSegments: wordSegments,
            patchesPerStudy: patchesPerStudy)
    }

    /// The four matrices' rows of the studies `range` of the share.
    private func rows(_ range: Range<Int>) -> (studies: Range<Int>, patches: Range<Int>, words: Range<Int>) {
        (
            range, range.lowerBound * patchesPerStudy..<range.upperBound * patchesPerStudy,
            wordSegments.offsets[range.lowerBound]..<wordSegments.offsets[range.upperBound]
        )
    }

    /// Takes over what a micro-batch made.
    func store(_ output: ModelOutput, studies range: Range<Int>) {
        let (rows, output) = (rows(range), joint(output))
        imageGlobal.rows(rows.studies).copy(from: output.imageGlobal.value)
        textGlobal.rows(rows.studies).copy(from: output.textGlobal.value)
        patches.rows(rows.patches).copy(from: output.patches.value)
        words.rows(rows.words).copy(from: output.words.value)
    }

    /// The gradients of a micro-batch's embeddings, as seeds of its backward sweep.
    func seeds(
        _ result: ContrastiveResult, output: ModelOutput, studies range: Range<Int>
    ) -> [(Variable, Matrix)] {
        let (rows, output) = (rows(range), joint(output))
        return [
            (output.imageGlobal, result.imageGlobalGradient.rows(rows.studies)),
            (output.textGlobal, result.textGlobalGradient.rows(rows.studies)),
            (output.patches, result.patchesGradient.rows(rows.patches)),
            (output.words, result.wordsGradient.rows(rows.words)),
        ]
    }

    private func joint(_ output: ModelOutput) -> JointEmbeddings {
        guard let joint = output.joint else { preconditionFailure("a model without a joint space has no embeddings") }
        return joint
    }

    /// As the objective takes them; `positions` are the studies' places in the global batch, ascending.
    func local(positions: [Int], globalBatch: Int) -> LocalEmbeddings {
        LocalEmbeddings(
            positions: positions, globalBatch: globalBatch, imageGlobal: imageGlobal, textGlobal: textGlobal,
            patches: patches, words: words, wordSegments: wordSegments)
    }
}
