import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

/// ALTA: two encoders that meet in one space, a decoder and a language head. It knows nothing of ranks.
///
/// Source: `ALTA` of the reference.
public struct AltaModel: StageModel {
    /// The weights.
    public let weights: ModelWeights
    let vision: VisionEncoder
    let text: TextEncoder
    let decoder: ReconstructionDecoder
    let language: LanguageHead
    let imageHead: ProjectionHead
    let patchHead: ProjectionHead
    let reportHead: ProjectionHead
    let wordHead: ProjectionHead
    let studyToText: LinearLayer
    let dropout: TextDropoutRates

    /// The model over these weights, with one rate for all of BERT's dropout.
    public static func make(weights: ModelWeights, dropoutRate: Double) -> AltaModel {
        make(weights: weights, dropout: TextDropoutRates(dropoutRate))
    }

    /// The model over these weights.
    ///
    /// - Parameter dropout: BERT's, while training.
    public static func make(weights: ModelWeights, dropout: TextDropoutRates) -> AltaModel {
        AltaModel(
            weights: weights, vision: weights.visionEncoder(), text: weights.textEncoder(),
            decoder: weights.reconstructionDecoder(), language: weights.languageHead(),
            imageHead: weights.head("projection_head"), patchHead: weights.head("local_projection_head"),
            reportHead: weights.head("bert_encoder.cls_projection_head"),
            wordHead: weights.head("bert_encoder.local_projection_head"), studyToText: weights.linear("bert_embed"),
            dropout: dropout)
    }

    /// Its contrastive losses compare studies with reports.
    public var hasJointSpace: Bool { true }

    /// The forward pass of a micro-batch; see `StageModel`.
    public func forward(
        _ studies: [PreparedStudy], counts: LossCounts?, absent: SharedRows?, on tape: Tape
    ) -> ModelOutput {
        let config = weights.config
        let batch = ModelBatch.make(studies, config: config)
        let seen = vision(batch, config: config, absent: absent, on: tape)
        let study = tape.meanOfRows(seen, batch.vision.classRows, groupSize: View.count)

        let reports = PackedReports.make(studies, halves: counts == nil ? [.intact] : config.stage.reportHalves)
        let read = text(
            reports, condition: counts.map { _ in studyToText(study, storage: .sums, on: tape) },
            dropout: TextDropout.make(studies, reports: reports, rates: dropout), on: tape)

        let imageErrors = counts.map { decoder.errors(batch, seen, config: config, scale: $0.imageScale, on: tape) }
        let textErrors = counts.map { language.errors(studies, reports, read, scale: $0.textScale, on: tape) }
        let joint = JointEmbeddings(
            imageGlobal: tape.normalizeRows(imageHead(study, on: tape)),
            textGlobal: tape.normalizeRows(reportHead(classTokens(reports, read, on: tape), on: tape)),
            patches: patchHead(visiblePatches(batch, seen, on: tape), on: tape),
            words: wordHead(words(reports, read, on: tape), on: tape))
        return ModelOutput(joint: joint, imageErrors: imageErrors ?? [], textErrors: textErrors ?? [])
    }

    private func classTokens(_ reports: PackedReports, _ read: Variable, on tape: Tape) -> Variable {
        let rows = reports.rows(.intact).map(\.lowerBound)
        return tape.selectRows(read, rows, studies: Segments(count: rows.count, length: 1))
    }

    /// Every token of the intact reports but [CLS]; [SEP] counts as a word, as published.
    private func words(_ reports: PackedReports, _ read: Variable, on tape: Tape) -> Variable {
        let rows = reports.rows(.intact).map { $0.dropFirst() }
        return tape.selectRows(read, rows.flatMap { Array($0) }, studies: Segments(lengths: rows.map(\.count)))
    }

    private func visiblePatches(_ batch: ModelBatch, _ seen: Variable, on tape: Tape) -> Variable {
        let perStudy = View.count * batch.kept
        return tape.selectRows(
            seen, batch.vision.patchRows, studies: Segments(count: batch.studies.count, length: perStudy))
    }
}
