import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

/// MRM: from a quarter of a radiograph its hidden patches and, with the report's visible words, the masked ones.
///
/// Source: `MRM` of the pretraining reference. The published report loss runs over all positions; here, over the masked
/// tokens, as the paper describes.
public struct MaskedRecordModel: StageModel {
    /// The weights.
    public let weights: ModelWeights
    let vision: VisionEncoder
    let text: TextEncoder
    let decoder: ReconstructionDecoder
    let language: LanguageHead
    let imageToText: LinearLayer
    let dropout: TextDropoutRates

    /// The model over these weights.
    ///
    /// - Parameter dropout: BERT's, while training.
    public static func make(weights: ModelWeights, dropout: TextDropoutRates) -> MaskedRecordModel {
        MaskedRecordModel(
            weights: weights, vision: weights.visionEncoder(), text: weights.textEncoder(),
            decoder: weights.reconstructionDecoder(), language: weights.languageHead(),
            imageToText: weights.linear("bert_mlp"), dropout: dropout)
    }

    /// It compares nothing across studies.
    public var hasJointSpace: Bool { false }

    /// The forward pass of a micro-batch; see `StageModel`. Without counts there is nothing to compute.
    public func forward(
        _ studies: [PreparedStudy], counts: LossCounts?, absent: SharedRows?, on tape: Tape
    ) -> ModelOutput {
        precondition(absent == nil, "this model's studies have one radiograph, which is there")
        guard let counts else { return ModelOutput(joint: nil, imageErrors: [], textErrors: []) }
        let config = weights.config
        let batch = ModelBatch.make(studies, config: config)
        let seen = vision(batch, config: config, on: tape)

        let reports = PackedReports.make(studies, halves: config.stage.reportHalves)
        let read = text(
            reports, condition: condition(batch, seen, on: tape),
            dropout: TextDropout.make(studies, reports: reports, rates: dropout), on: tape)
        return ModelOutput(
            joint: nil,
            imageErrors: decoder.errors(batch, seen, config: config, scale: counts.imageScale, on: tape),
            textErrors: language.errors(studies, reports, read, scale: counts.textScale, on: tape))
    }

    /// The mean of the visible patches, projected: `[studies, text width]`.
    ///
    /// Published is the mean of the projected patches; by linearity it is the same, and one row a study is projected.
    private func condition(_ batch: ModelBatch, _ seen: Variable, on tape: Tape) -> Variable {
        imageToText(
            tape.meanOfRows(seen, batch.vision.patchRows, groupSize: batch.kept), storage: .sums, on: tape)
    }
}
