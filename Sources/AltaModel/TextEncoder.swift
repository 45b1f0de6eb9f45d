import AltaAutograd
import AltaCore

/// BERT with adapters over packed reports, intact or masked.
struct TextEncoder {
    let tokenWeights: TextTokenWeights
    let embeddingNorm: NormLayer
    let layers: [TextLayer]

    /// - Parameters:
    ///   - reports: the tokens of all sequences.
    ///   - studyVector: `[targets, width]` and the rows each is added to: every token of a masked report.
    /// - Returns: `[tokens, width]`.
    func callAsFunction(
        _ reports: PackedReports, studyVector: (vector: Variable, targets: [Range<Int>])?, dropout: TextDropout?,
        on tape: Tape
    ) -> Variable {
        let sequences = reports.sequences
        var x = tape.textTokens(
            reports.ids, sequences: sequences, studies: reports.studies, weights: tokenWeights)
        x = embeddingNorm(x, on: tape)
        if let dropout {
            x = tape.dropout(
                x, rate: dropout.hiddenRate, keys: dropout.keys(layer: 0, site: .embeddings), sequences: sequences)
        }
        if let studyVector { x = tape.addVector(x, studyVector.vector, toRows: studyVector.targets) }
        for layer in layers { x = layer(x, sequences: sequences, dropout: dropout, on: tape) }
        return x
    }
}

/// The masked-language head; its output matrix is tied to the word embeddings.
struct LanguageHead {
    let dense: LinearLayer
    let norm: NormLayer
    let words: Weight
    let bias: Weight

    /// The cross-entropy of each study's masked tokens; see `Tape.maskedLanguageError`.
    func callAsFunction(_ x: Variable, labels: [Int32], scale: Float, on tape: Tape) -> [Double] {
        let transformed = norm(tape.gelu(dense(x, on: tape)), on: tape)
        return tape.maskedLanguageError(transformed, words: words, bias: bias, labels: labels, scale: scale)
    }
}

extension ModelWeights {
    func textEncoder() -> TextEncoder {
        let embeddings = "bert_encoder.bert.embeddings"
        return TextEncoder(
            tokenWeights: TextTokenWeights(
                words: self["\(embeddings).word_embeddings.weight"],
                positions: self["\(embeddings).position_embeddings.weight"],
                types: self["\(embeddings).token_type_embeddings.weight"]),
            embeddingNorm: norm("\(embeddings).LayerNorm", epsilon: ModelWeights.textEpsilon),
            layers: (0..<config.textDepth).map { textLayer($0) })
    }

    func languageHead() -> LanguageHead {
        let name = "bert_encoder.cls.predictions"
        return LanguageHead(
            dense: linear("\(name).transform.dense"),
            norm: norm("\(name).transform.LayerNorm", epsilon: ModelWeights.textEpsilon),
            words: self["bert_encoder.bert.embeddings.word_embeddings.weight"], bias: self["\(name).bias"])
    }
}
