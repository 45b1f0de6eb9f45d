import AltaCore
import AltaTensor

extension Tape {
    /// The masked-language loss of each study: the sum over its masked tokens of the cross-entropy.
    ///
    /// The logits of a block of tokens at a time exist, and their gradient is taken at once, since `scale` is known.
    /// Logits, softmax and loss are fp32; the gradient of the logits is rounded for its products.
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
        precondition(labels.count == x.rows, "\(labels.count) labels for \(x.rows) tokens")
        let pass = MaskedLanguagePass(
            x: productInput(x), gradient: isRecording ? arena.operand(x.rows, x.columns, engine.format) : nil,
            words: words, bias: bias, labels: labels, scale: scale,
            losses: pointer(arena.buffer(max(x.rows, 1))))
        for group in pass.groups(of: x.studies) {
            engine.scratch.scoped { pass.compute(group, on: self) }
        }
        if let gradient = pass.gradient { record(SeedOperation(x: x, gradient: gradient), if: true) }
        return (0..<x.studies.count).map { study in
            x.studies[study].reduce(0) { $0 + Double(pass.losses[$1]) }
        }
    }
}

/// The masked tokens of a micro-batch on their way to the losses and back.
private struct MaskedLanguagePass {
    let x: Operand
    let gradient: Operand?
    let words: Weight
    let bias: Weight
    let labels: [Int32]
    let scale: Float
    let losses: UnsafeMutablePointer<Float>

    /// Tokens whose logits exist at one time, but for a study that has more: 23 MB of them for 30,522 words.
    private static let rowsPerGroup = 192

    /// The rows of neighbouring studies, as many as make a good product.
    func groups(of studies: Segments) -> [[Range<Int>]] {
        var groups: [[Range<Int>]] = []
        for rows in (0..<studies.count).map({ studies[$0] }) where !rows.isEmpty {
            if let first = groups.last?.first, rows.upperBound - first.lowerBound <= Self.rowsPerGroup {
                groups[groups.count - 1].append(rows)
            } else {
                groups.append([rows])
            }
        }
        return groups
    }

    /// Losses and gradients of a group of studies.
    func compute(_ studies: [Range<Int>], on tape: Tape) {
        guard let first = studies.first, let last = studies.last else { return }
        let rows = first.lowerBound..<last.upperBound
        let engine = tape.engine
        let logits = engine.scratch.matrix(rows.count, words.packed.outputs)
        engine.forward(x.rows(rows), words.packed, bias: UnsafePointer(bias.value.base), into: .full(logits))
        engine.softmaxCrossEntropy(
            logits, labels: Array(labels[rows]), scale: scale, lossPerRow: losses + rows.lowerBound,
            gradient: gradient == nil ? nil : logits)
        guard let gradient else { return }
        let factor = engine.inFormat(.full(logits))
        engine.backward(factor, words.packed, into: gradient.rows(rows), accumulate: false)
        let own = Segments(lengths: studies.map(\.count))
        tape.addColumnSums(.full(logits), studies: own, to: bias)
        tape.addWeightGradient(factor, x.rows(rows), studies: own, to: words)
    }
}

private struct SeedOperation: TapeOperation {
    let x: Variable
    let gradient: Operand
    var outputs: [Int] { [] }

    func backward(_ gradients: [Operand?], on tape: Tape) { tape.addGradient(gradient, to: x) }
}
