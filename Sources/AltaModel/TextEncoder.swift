import AltaAutograd
import AltaCore
import AltaData

/// BERT, with or without adapters, over packed reports, intact or masked.
struct TextEncoder {
    let tokenWeights: TextTokenWeights
    let embeddingNorm: NormWeights
    let layers: [TextLayer]

    /// - Parameters:
    ///   - reports: the tokens of all sequences.
    ///   - condition: `[studies, width]`, what the radiographs give to every token of a study's masked report.
    /// - Returns: `[tokens, width]`.
    func callAsFunction(
        _ reports: PackedReports, condition: Variable?, dropout: TextDropout?, on tape: Tape
    ) -> Variable {
        let sequences = reports.sequences
        var x = tape.textTokens(
            reports.ids, sequences: sequences, studies: reports.studies, weights: tokenWeights)
        x = tape.layerNorm(x, embeddingNorm, storage: .both)
        x = tape.dropout(x, dropout?.rows(layer: 0, site: .embeddings, sequences: sequences))
        if let condition { x = tape.addVector(x, condition, toRows: reports.rows(.masked)) }
        for layer in layers { x = layer(x, sequences: sequences, dropout: dropout, on: tape) }
        return x
    }
}

/// The masked-language head; its output matrix is tied to the word embeddings, or one of its own.
struct LanguageHead {
    let dense: LinearLayer
    let norm: NormWeights
    let words: Weight
    let bias: Weight

    /// The cross-entropy of each study's masked tokens; see `Tape.maskedLanguageError`.
    func callAsFunction(_ x: Variable, labels: [Int32], scale: Float, on tape: Tape) -> [Double] {
        let transformed = tape.layerNorm(tape.gelu(dense(x, storage: .sums, on: tape)), norm)
        return tape.maskedLanguageError(transformed, words: words, bias: bias, labels: labels, scale: scale)
    }

    /// The masked-language loss of each study.
    ///
    /// - Parameter read: what the text encoder made of `reports`, `[tokens, width]`.
    func errors(
        _ studies: [PreparedStudy], _ reports: PackedReports, _ read: Variable, scale: Float, on tape: Tape
    ) -> [Double] {
        let positions = zip(studies, reports.rows(.masked)).map { study, rows in
            study.report.maskedPositions.map { rows.lowerBound + $0 }
        }
        let masked = tape.selectRows(
            read, positions.flatMap { $0 }, studies: Segments(lengths: positions.map(\.count)))
        return self(masked, labels: studies.flatMap(\.report.labels), scale: scale, on: tape)
    }
}

extension ModelWeights {
    func textEncoder() -> TextEncoder {
        let embeddings = "\(catalog.textRoot).bert.embeddings"
        return TextEncoder(
            tokenWeights: TextTokenWeights(
                words: self["\(embeddings).word_embeddings.weight"],
                positions: self["\(embeddings).position_embeddings.weight"],
                types: self["\(embeddings).token_type_embeddings.weight"]),
            embeddingNorm: norm("\(embeddings).LayerNorm", epsilon: ModelWeights.textEpsilon),
            layers: (0..<config.textDepth).map { textLayer($0) })
    }

    func languageHead() -> LanguageHead {
        let name = "\(catalog.textRoot).cls.predictions"
        return LanguageHead(
            dense: linear("\(name).transform.dense"),
            norm: norm("\(name).transform.LayerNorm", epsilon: ModelWeights.textEpsilon),
            words: find("\(name).decoder.weight")
                ?? self["\(catalog.textRoot).bert.embeddings.word_embeddings.weight"],
            bias: self["\(name).bias"])
    }
}
