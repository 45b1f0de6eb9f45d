import AltaAutograd
import AltaCore
import AltaTensor

/// The ViT, with or without adapters, over packed sequences of visible patches.
struct VisionEncoder {
    let patchEmbedding: LinearLayer
    let tokenWeights: VisionTokenWeights
    let blocks: [VisionBlock]
    let norm: NormWeights

    /// - Parameters:
    ///   - patches: the pixels of the visible patches of the radiographs that are there, `[visible, 3 patch²]`; nil: none is.
    ///   - layout: how they form radiographs and studies.
    /// - Returns: `[layout.sequences.rows, width]`, normalised.
    func callAsFunction(_ patches: Variable?, layout: VisionLayout, on tape: Tape) -> Variable {
        let embedded = patches.map { patchEmbedding($0, storage: .sums, on: tape) }
        var stream = ResidualStream(tape.visionTokens(embedded, layout: layout, weights: tokenWeights))
        for block in blocks { stream = block(stream, sequences: layout.sequences, on: tape) }
        return tape.sumAndNorm(stream, norm, storage: .both).normed
    }
}

extension VisionEncoder {
    /// The visible patches of a batch, encoded: `[batch.vision.sequences.rows, width]`.
    ///
    /// - Parameter absent: the absent views that were encoded before, for all studies; nil: every one is encoded here.
    func callAsFunction(
        _ batch: ModelBatch, config: ModelConfig, absent: SharedRows? = nil, on tape: Tape
    ) -> Variable {
        let pixels = tape.constant(batch.encoderPatches(config, arena: tape.arena), studies: batch.patchStudies)
        guard let absent else { return self(pixels, layout: batch.vision, on: tape) }
        let sources = batch.sources(absent)
        let own = self(pixels, layout: batch.ownVision(sources), on: tape)
        return tape.interleave(own, absent, sources, studies: batch.vision.studies)
    }
}

/// The decoder that paints the hidden patches at twice the resolution.
///
/// Source: `ALTA.reconstruct` of the reference; predictions are made at the hidden patches only.
struct ReconstructionDecoder {
    let embedding: LinearLayer
    let maskToken: Weight
    let positions: Weight
    let blocks: [VisionBlock]
    let norm: NormWeights
    let prediction: LinearLayer
    let patches: Int

    /// - Parameters:
    ///   - latent: the encoded current frontal views, CLS first, `[studies (1 + kept), width]`.
    ///   - visible: each study's visible patches, in the order of `latent`.
    ///   - hidden: each study's hidden patches.
    /// - Returns: predicted pixels, `[hidden patches, 3 (2 patch)²]`, study by study in the order of `hidden`.
    func callAsFunction(_ latent: Variable, visible: [[Int]], hidden: [[Int]], on tape: Tape) -> Variable {
        let tokens = tape.decoderTokens(
            embedding(latent, storage: .sums, on: tape), visible: visible, patches: patches, maskToken: maskToken,
            positions: positions)
        let sequences = tokens.studies
        var stream = ResidualStream(tokens)
        for block in blocks { stream = block(stream, sequences: sequences, on: tape) }
        let rows = hidden.enumerated().flatMap { study, patches in
            patches.map { sequences[study].lowerBound + 1 + $0 }
        }
        let chosen = tape.selectRows(
            tape.sum(stream), rows, studies: Segments(lengths: hidden.map(\.count)), storage: .sums)
        return prediction(tape.layerNorm(chosen, norm), storage: .sums, on: tape)
    }
}

extension ReconstructionDecoder {
    /// The masked-image loss of each study's current frontal radiograph; see `Tape.reconstructionError`.
    ///
    /// - Parameter seen: what the encoder made of the batch, `[batch.vision.sequences.rows, width]`.
    func errors(
        _ batch: ModelBatch, _ seen: Variable, config: ModelConfig, scale: Float, on tape: Tape
    ) -> [Double] {
        let frontal = batch.studies.indices.map { batch.vision.sequences[$0 * batch.viewsPerStudy] }
        let latent = tape.selectRows(
            seen, frontal.flatMap { Array($0) }, studies: Segments(lengths: frontal.map(\.count)))
        let prediction = self(latent, visible: batch.visible, hidden: batch.hidden, on: tape)
        let pixels = batch.targetPatches(config, arena: tape.arena)
        if config.normalizePixels { tape.engine.standardizePatches(pixels, into: pixels) }
        return tape.reconstructionError(prediction, target: pixels, scale: scale)
    }
}

extension ModelWeights {
    func visionEncoder() -> VisionEncoder {
        VisionEncoder(
            patchEmbedding: linear("patch_embed.proj"),
            tokenWeights: VisionTokenWeights(
                classToken: self["cls_token"], positions: self["pos_embed"], temporal: find("temporal_embedding"),
                view: find("view_embedding"), missing: find("missing_token")),
            blocks: (0..<config.visionDepth).map { visionBlock("blocks.\($0)", heads: config.visionHeads) },
            norm: norm("norm", epsilon: ModelWeights.visionEpsilon))
    }

    func reconstructionDecoder() -> ReconstructionDecoder {
        ReconstructionDecoder(
            embedding: linear("decoder_embed"), maskToken: self["mask_token"], positions: self["decoder_pos_embed"],
            blocks: (0..<config.decoderDepth).map {
                visionBlock("decoder_blocks.\($0)", heads: config.decoderHeads)
            },
            norm: norm("decoder_norm", epsilon: ModelWeights.visionEpsilon), prediction: linear("decoder_pred"),
            patches: config.patches)
    }
}
