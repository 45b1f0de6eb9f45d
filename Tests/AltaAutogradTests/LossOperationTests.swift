import AltaAutograd
import AltaCore
import AltaTensor
import Foundation
import Testing

/// The two losses that the tape itself begins the sweep with.
struct LossOperationTests {
    /// The middle study has nothing to restore.
    private let studies = Segments(lengths: [3, 0, 4])
    private let rows = 7
    private let arena = Arena()

    @Test func reconstructionError() throws {
        let weights = try ProgramWeights()
        let prediction = weights.input("prediction", rows, 6)
        let target = weights.normal(rows, 6)
        let errors = { [studies] (tape: Tape) in
            tape.reconstructionError(
                prediction.variable(on: tape, studies: studies), target: target, scale: 0.7)
        }
        let predicted = prediction.matrix(arena)
        let got = errors(Tape(engine: weights.engine, arena: arena, ledger: nil))
        for study in 0..<studies.count {
            let expected = studies[study].reduce(0.0) { sum, row in
                sum + (0..<6).reduce(0.0) { $0 + pow(Double(predicted[row, $1]) - Double(target[row, $1]), 2) } / 6
            }
            #expect(abs(got[study] - expected) <= 1e-6 * expected)
        }
        #expect(got[1] == 0)
        GradientCheck(weights: weights) { tape in Outcome(loss: 0.7 * errors(tape).reduce(0, +)) }.verify()
    }

    @Test(arguments: [true, false]) func maskedLanguageError(wordsTrain: Bool) throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, 4)
        let words =
            wordsTrain
            ? weights.trainable("words", 9, 4, packed: true) : weights.frozen("words", 9, 4, packed: true)
        let bias = weights.trainable("bias", 1, 9)
        let labels: [Int32] = [0, 8, 3, 3, 1, 5, 8]
        let errors = { [studies] (tape: Tape) in
            tape.maskedLanguageError(
                x.variable(on: tape, studies: studies), words: words, bias: bias, labels: labels, scale: 0.3)
        }
        let logits = arena.matrix(rows, 9)
        Naive.forward(x.matrix(arena), words.value, bias: bias.value.base, into: logits)
        let perRow = arena.matrix(1, rows)
        Naive.softmaxCrossEntropy(logits, labels: labels, scale: 1, lossPerRow: perRow.base, gradient: nil)
        let got = errors(Tape(engine: weights.engine, arena: arena, ledger: nil))
        for study in 0..<studies.count {
            let expected = studies[study].reduce(0.0) { $0 + Double(perRow.base[$1]) }
            #expect(abs(got[study] - expected) <= 1e-5 * expected)
        }
        #expect(got[1] == 0)
        GradientCheck(weights: weights) { tape in Outcome(loss: 0.3 * errors(tape).reduce(0, +)) }.verify()
    }

    /// Word embeddings that are both the input and the output matrix: two partials of one study in one slot.
    @Test func tiedWords() throws {
        let weights = try ProgramWeights()
        let tables = TextTokenWeights(
            words: weights.trainable("words", 6, 4, packed: true), positions: weights.trainable("positions", 3, 4),
            types: weights.trainable("types", 2, 4))
        let bias = weights.trainable("bias", 1, 6)
        let sequences = Segments(lengths: [3, 2])
        GradientCheck(weights: weights) { tape in
            let x = tape.textTokens([1, 3, 5, 3, 0], sequences: sequences, studies: sequences, weights: tables)
            let errors = tape.maskedLanguageError(
                tape.gelu(x), words: tables.words, bias: bias, labels: [1, 0, 2, 3, 5], scale: 1)
            return Outcome(loss: errors.reduce(0, +))
        }.verify()
    }
}
