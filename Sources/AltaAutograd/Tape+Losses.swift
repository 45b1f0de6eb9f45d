import AltaCore
import AltaTensor

extension Tape {
    /// The masked-image loss of each study: the sum over its hidden patches of the mean squared error of a patch.
    ///
    /// The gradient of `scale` times the sum over studies enters the sweep by itself.
    /// Source: `ALTA.embed` of the reference (`image_error`).
    /// - Parameters:
    ///   - prediction: `[hidden patches, E]`.
    ///   - target: `[hidden patches, E]`.
    ///   - scale: what the loss is multiplied by in the total: one over the global number of hidden patches.
    /// - Returns: one sum a study, before `scale`.
    public func reconstructionError(_ prediction: Variable, target: Matrix, scale: Float) -> [Double] {
        let value = prediction.value
        precondition(value.rows == target.rows && value.columns == target.columns, "prediction and target differ")
        record(ReconstructionOperation(prediction: prediction, target: target, scale: scale), if: true)
        return (0..<prediction.studies.count).map { study in
            prediction.studies[study].reduce(0) { sum, row in
                sum + meanSquare(value.rows(row..<row + 1), target.rows(row..<row + 1))
            }
        }
    }

    /// The masked-language loss of each study: the sum over its masked tokens of the cross-entropy.
    ///
    /// The logits of one study at a time exist, and their gradient is taken at once, since `scale` is known.
    /// Source: `TextEncoder.predict` and `ALTA.embed` of the reference (`text_error`).
    /// - Parameters:
    ///   - x: the transformed masked tokens, `[masked tokens, W]`.
    ///   - words: the output matrix `[V, W]`: the word embeddings, or one of its own.
    ///   - bias: `[1, V]`.
    ///   - labels: the tokens that were masked.
    ///   - scale: what the loss is multiplied by in the total: one over the global number of masked tokens.
    /// - Returns: one sum a study, before `scale`.
    public func maskedLanguageError(
        _ x: Variable, words: Weight, bias: Weight, labels: [Int32], scale: Float
    ) -> [Double] {
        precondition(labels.count == x.value.rows, "\(labels.count) labels for \(x.value.rows) tokens")
        let gradient = isRecording ? arena.matrix(x.value.rows, x.value.columns) : nil
        let errors = (0..<x.studies.count).map { study in
            studyLanguageError(
                x.value, rows: x.studies[study], words: words, bias: bias, labels: labels, scale: scale,
                gradient: gradient)
        }
        if let gradient { record(SeedOperation(x: x, gradient: gradient), if: true) }
        return errors
    }

    private func studyLanguageError(
        _ x: Matrix, rows: Range<Int>, words: Weight, bias: Weight, labels: [Int32], scale: Float, gradient: Matrix?
    ) -> Double {
        guard !rows.isEmpty else { return 0 }
        let mark = engine.scratch.mark
        defer { engine.scratch.release(to: mark) }
        let logits = engine.scratch.matrix(rows.count, words.packed.outputs)
        engine.forward(x.rows(rows), words.packed, bias: UnsafePointer(bias.value.base), into: logits)
        let losses = pointer(engine.scratch.buffer(rows.count) as UnsafeMutableBufferPointer<Float>)
        engine.softmaxCrossEntropy(
            logits, labels: Array(labels[rows]), scale: scale, lossPerRow: losses,
            gradient: gradient == nil ? nil : logits)
        if let gradient {
            engine.backward(logits, words.packed, into: gradient.rows(rows), accumulate: false)
            addColumnSums(logits, rows: 0..<rows.count, to: bias, on: self)
            if let weight = words.trainable {
                recordingLedger.add(to: weight) { target, accumulate in
                    engine.weightGradient(logits, x.rows(rows), into: target, accumulate: accumulate)
                }
            }
        }
        return (0..<rows.count).reduce(0) { $0 + Double(losses[$1]) }
    }
}

/// The mean of the squared differences of two rows.
private func meanSquare(_ a: Matrix, _ b: Matrix) -> Double {
    var sum = 0.0
    for index in 0..<a.columns {
        let difference = Double(a.base[index] - b.base[index])
        sum += difference * difference
    }
    return sum / Double(a.columns)
}

private struct ReconstructionOperation: TapeOperation {
    let prediction: Variable
    let target: Matrix
    let scale: Float
    var output: Int? { nil }

    func backward(_ dy: Matrix?, on tape: Tape) {
        guard let (gradient, accumulate) = tape.target(prediction) else { return }
        precondition(!accumulate, "a prediction feeds one loss only")
        let factor = 2 * scale / Float(target.columns)
        let value = prediction.value
        for index in 0..<value.rows * value.columns {
            gradient.base[index] = factor * (value.base[index] - target.base[index])
        }
    }
}

private struct SeedOperation: TapeOperation {
    let x: Variable
    let gradient: Matrix
    var output: Int? { nil }

    func backward(_ dy: Matrix?, on tape: Tape) { tape.addGradient(gradient, to: x) }
}
