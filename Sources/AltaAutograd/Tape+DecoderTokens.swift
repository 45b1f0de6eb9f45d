import AltaCore
import AltaTensor

extension Tape {
    /// The input of the reconstruction decoder: visible tokens at their places, the mask token at the hidden ones.
    ///
    /// Source: `ALTA.reconstruct` of the reference.
    /// - Parameters:
    ///   - x: the embedded latents of each study's current frontal view, CLS first: `[studies (1 + kept), D]`.
    ///   - visible: each study's visible patches, in the order of `x`.
    ///   - patches: patches of a view, P.
    ///   - maskToken: `[1, D]`.
    ///   - positions: `[1 + P, D]`.
    /// - Returns: `[studies (1 + P), D]`.
    public func decoderTokens(
        _ x: Variable, visible: [[Int]], patches: Int, maskToken: Weight, positions: Weight
    ) -> Variable {
        let sequences = Segments(count: visible.count, length: patches + 1)
        let values = values(sequences.rows, x.columns, .sums)
        let operation = DecoderTokensOperation(
            x: x, visible: visible, sequences: sequences, maskToken: maskToken, positions: positions,
            y: gradientCount)
        operation.forward(into: values.primary.matrix, engine: engine)
        let trains = maskToken.trainable != nil || positions.trainable != nil
        let y = variable(values, studies: sequences, needsGradient: x.needsGradient || trains)
        record(operation, if: y.needsGradient)
        return y
    }
}

private struct DecoderTokensOperation: TapeOperation {
    let x: Variable
    let visible: [[Int]]
    let sequences: Segments
    let maskToken: Weight
    let positions: Weight
    let y: Int
    var outputs: [Int] { [y] }
    var parameters: [Weight] { [maskToken, positions] }

    func forward(into value: Matrix, engine: Engine) {
        for study in visible.indices {
            let sources = tokenSources(study)
            for (position, row) in sequences[study].enumerated() {
                let source = sources[position].map { x.value.rows($0..<$0 + 1) } ?? maskToken.value
                engine.add(
                    source, positions.value.rows(position..<position + 1), scaleY: 1, into: value.rows(row..<row + 1))
            }
        }
    }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0]?.matrix else { return }
        for block in tape.recordingLedger.blocks(of: sequences) {
            let studies = visible.indices.filter { block.contains(sequences[$0].lowerBound) }
            addParameterGradients(dy, studies: studies, on: tape)
        }
        tape.addFullGradient(to: x) { dx, accumulate in
            if !accumulate { dx.fill(0) }
            for study in visible.indices {
                for (position, source) in tokenSources(study).enumerated() {
                    guard let source else { continue }
                    let row = sequences[study].lowerBound + position
                    tape.engine.addInto(dx.rows(source..<source + 1), dy.rows(row..<row + 1), scale: 1)
                }
            }
        }
    }

    /// For each token of a study, CLS first, the row of `x` it comes from; nil for a hidden patch.
    private func tokenSources(_ study: Int) -> [Int?] {
        var sources = [Int?](repeating: nil, count: sequences[study].count)
        let first = x.studies[study].lowerBound
        sources[0] = first
        for (offset, patch) in visible[study].enumerated() { sources[patch + 1] = first + offset + 1 }
        return sources
    }

    private func addParameterGradients(_ dy: Matrix, studies: [Int], on tape: Tape) {
        let engine = tape.engine
        if let weight = maskToken.trainable {
            tape.recordingLedger.addSparse(to: weight) { target in
                for study in studies {
                    for (position, source) in tokenSources(study).enumerated() where source == nil {
                        let row = sequences[study].lowerBound + position
                        engine.addInto(target, dy.rows(row..<row + 1), scale: 1)
                    }
                }
            }
        }
        if let weight = positions.trainable {
            tape.recordingLedger.addSparse(to: weight) { target in
                for study in studies { engine.addInto(target, dy.rows(sequences[study]), scale: 1) }
            }
        }
    }
}
