import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

/// What a micro-batch gives to the losses. b = studies, P = visible patches of a study's four views, d = projection.
public struct ModelOutput {
    /// `[b, d]`, unit rows: the study vector in the joint space.
    public let imageGlobal: Variable
    /// `[b, d]`, unit rows: the report in the joint space.
    public let textGlobal: Variable
    /// `[b P, d]`: the patches in the joint space of the local loss.
    public let patches: Variable
    /// `[words, d]`: the words of all reports; `words.studies` tells whose.
    public let words: Variable
    /// Each study's reconstruction error, summed over hidden patches; empty where only embeddings were asked for.
    public let imageErrors: [Double]
    /// Each study's masked-language error, summed over masked tokens; empty where only embeddings were asked for.
    public let textErrors: [Double]
}

/// What the sums of the reconstruction and the masked-language loss are divided by: counts over the global batch.
public struct LossCounts: Sendable, Equatable {
    /// Hidden patches of the current frontal views.
    public var hiddenPatches: Int
    /// Masked tokens.
    public var maskedTokens: Int

    /// Stores the counts.
    public init(hiddenPatches: Int, maskedTokens: Int) {
        self.hiddenPatches = hiddenPatches
        self.maskedTokens = maskedTokens
    }

    /// What a loss is multiplied by; 0 where nothing counts (the loss is then 0, not undefined).
    static func scale(_ count: Int) -> Float { count > 0 ? 1 / Float(count) : 0 }
}

/// ALTA: two encoders that meet in one space, a decoder and a language head. It knows nothing of ranks.
///
/// Source: `ALTA` of the reference.
public struct AltaModel {
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
    let dropoutRate: Float

    /// The model over these weights.
    ///
    /// - Parameter dropoutRate: BERT's, while training.
    public static func make(weights: ModelWeights, dropoutRate: Double) -> AltaModel {
        AltaModel(
            weights: weights, vision: weights.visionEncoder(), text: weights.textEncoder(),
            decoder: weights.reconstructionDecoder(), language: weights.languageHead(),
            imageHead: weights.head("projection_head"), patchHead: weights.head("local_projection_head"),
            reportHead: weights.head("bert_encoder.cls_projection_head"),
            wordHead: weights.head("bert_encoder.local_projection_head"), studyToText: weights.linear("bert_embed"),
            dropoutRate: Float(dropoutRate))
    }

    /// The forward pass of a micro-batch.
    ///
    /// - Parameter counts: what the two summed losses are divided by; nil: embeddings only, which spares the decoder
    ///   and the masked reports. The embeddings have the same bits either way.
    public func forward(_ studies: [PreparedStudy], counts: LossCounts?, on tape: Tape) -> ModelOutput {
        let batch = ModelBatch.make(studies, config: weights.config)
        let pixels = tape.constant(
            batch.encoderPatches(weights.config, arena: tape.arena), studies: batch.patchStudies)
        let seen = vision(pixels, layout: batch.vision, on: tape)
        let study = tape.meanOfRows(seen, batch.vision.classRows, groupSize: View.count)

        let reports = PackedReports.make(studies, masked: counts != nil)
        let read = text(
            reports, studyVector: counts.map { _ in condition(reports, on: study, tape: tape) },
            dropout: dropout(studies, reports), on: tape)

        let imageErrors = counts.map { reconstruct(batch, seen, LossCounts.scale($0.hiddenPatches), on: tape) }
        let textErrors = counts.map { restore(studies, reports, read, LossCounts.scale($0.maskedTokens), on: tape) }
        return ModelOutput(
            imageGlobal: tape.normalizeRows(imageHead(study, on: tape)),
            textGlobal: tape.normalizeRows(reportHead(classTokens(reports, read, on: tape), on: tape)),
            patches: patchHead(visiblePatches(batch, seen, on: tape), on: tape),
            words: wordHead(words(reports, read, on: tape), on: tape), imageErrors: imageErrors ?? [],
            textErrors: textErrors ?? [])
    }

    /// The projected study vector, and the masked reports that it is added to.
    private func condition(
        _ reports: PackedReports, on study: Variable, tape: Tape
    ) -> (vector: Variable, targets: [Range<Int>]) {
        (studyToText(study, on: tape), (0..<reports.studies.count).map(reports.maskedRows))
    }

    private func dropout(_ studies: [PreparedStudy], _ reports: PackedReports) -> TextDropout? {
        guard dropoutRate > 0 else { return nil }
        let keys = studies.flatMap { study in
            (0..<reports.sequencesPerStudy).map { study.dropoutKey.child(UInt64($0)) }
        }
        return TextDropout(hiddenRate: dropoutRate, attentionRate: dropoutRate, keys: keys)
    }

    private func classTokens(_ reports: PackedReports, _ read: Variable, on tape: Tape) -> Variable {
        let count = reports.studies.count
        return tape.selectRows(
            read, (0..<count).map { reports.intactRows($0).lowerBound }, studies: Segments(count: count, length: 1))
    }

    /// Every token of the intact reports but [CLS]; [SEP] counts as a word, as published.
    private func words(_ reports: PackedReports, _ read: Variable, on tape: Tape) -> Variable {
        let rows = (0..<reports.studies.count).map { reports.intactRows($0).dropFirst() }
        return tape.selectRows(read, rows.flatMap { Array($0) }, studies: Segments(lengths: rows.map(\.count)))
    }

    private func visiblePatches(_ batch: ModelBatch, _ seen: Variable, on tape: Tape) -> Variable {
        let perStudy = View.count * batch.kept
        return tape.selectRows(
            seen, batch.vision.patchRows, studies: Segments(count: batch.studies.count, length: perStudy))
    }

    private func reconstruct(
        _ batch: ModelBatch, _ seen: Variable, _ scale: Float, on tape: Tape
    ) -> [Double] {
        let config = weights.config
        let frontal = (0..<batch.studies.count).map { batch.vision.sequences[$0 * View.count] }
        let latent = tape.selectRows(
            seen, frontal.flatMap { Array($0) }, studies: Segments(lengths: frontal.map(\.count)))
        let prediction = decoder(latent, visible: batch.visible, hidden: batch.hidden, on: tape)
        let pixels = batch.targetPatches(config, arena: tape.arena)
        if config.normalizePixels { tape.engine.standardizePatches(pixels, into: pixels) }
        return tape.reconstructionError(prediction, target: pixels, scale: scale)
    }

    private func restore(
        _ studies: [PreparedStudy], _ reports: PackedReports, _ read: Variable, _ scale: Float, on tape: Tape
    ) -> [Double] {
        let positions = studies.indices.map { study in
            let start = reports.maskedRows(study).lowerBound
            return studies[study].report.maskedPositions.map { start + $0 }
        }
        let masked = tape.selectRows(
            read, positions.flatMap { $0 }, studies: Segments(lengths: positions.map(\.count)))
        return language(masked, labels: studies.flatMap(\.report.labels), scale: scale, on: tape)
    }
}
