import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// Linear layers, activations, norms: forward against plain Swift, gradients against differences.
struct ElementwiseOperationTests {
    /// Ragged studies, one of them without rows.
    private let studies = Segments(lengths: [3, 0, 5, 1])
    private let rows = 9
    private let width = 6
    private let arena = Arena()

    @Test(arguments: [(true, true), (true, false), (false, true)])
    func linear(weightTrains: Bool, biasTrains: Bool) throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let weight = weightTrains ? weights.trainable("w", 7, 6, packed: true) : weights.frozen("w", 7, 6, packed: true)
        let bias = biasTrains ? weights.trainable("b", 1, 7) : weights.frozen("b", 1, 7)
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [tape.linear(x.variable(on: tape, studies: studies), weight, bias: bias)])
        }
        let expected = arena.matrix(rows, 7)
        Naive.forward(x.matrix(arena), weight.value, bias: bias.value.base, into: expected)
        #expect(agree(value(check), expected))
        check.verify()
    }

    @Test func gelu() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width, scale: 1.5)
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [tape.gelu(x.variable(on: tape, studies: studies))])
        }
        let expected = arena.matrix(rows, width)
        Naive.gelu(x.matrix(arena), into: expected)
        #expect(agree(value(check), expected))
        check.verify()
    }

    @Test(arguments: [Float(1), 0.5]) func add(scale: Float) throws {
        let weights = try ProgramWeights()
        let (x, y) = (weights.input("x", rows, width), weights.input("y", rows, width))
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [
                tape.add(
                    x.variable(on: tape, studies: studies), y.variable(on: tape, studies: studies), scale: scale)
            ])
        }
        let expected = arena.matrix(rows, width)
        Naive.add(x.matrix(arena), y.matrix(arena), scaleY: scale, into: expected)
        #expect(agree(value(check), expected))
        check.verify()
    }

    @Test func dropoutDropsByPlaceInTheSequence() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let sequences = Segments(lengths: [2, 1, 0, 5, 1])
        let keys = (0..<5).map { RandomKey(seed: 3, purpose: .dropout).child(UInt64($0)) }
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [
                tape.dropout(
                    x.variable(on: tape, studies: studies), RowDropout(rate: 0.4, keys: keys, sequences: sequences))
            ])
        }
        let expected = arena.matrix(rows, width)
        for (index, key) in keys.enumerated() {
            Naive.dropout(x.matrix(arena), rows: sequences[index], key: key, rate: 0.4, into: expected)
        }
        let dropped = expected.elements.count { $0 == 0 }
        #expect(dropped > 5 && dropped < 45)
        #expect(agree(value(check), expected))
        check.verify()
    }

    @Test func dropoutWithoutRateIsItsInput() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let tape = Tape(engine: weights.engine, arena: arena, ledger: nil)
        let variable = x.variable(on: tape, studies: studies)
        let kept = tape.dropout(variable, RowDropout(rate: 0, keys: [], sequences: Segments(lengths: [])))
        #expect(kept.value.base == variable.value.base)
        #expect(tape.dropout(variable, nil).value.base == variable.value.base)
    }

    @Test func normalizeRows() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [tape.normalizeRows(x.variable(on: tape, studies: studies))])
        }
        let expected = arena.matrix(rows, width)
        Naive.normalizeRows(x.matrix(arena), into: expected, norms: arena.matrix(1, rows).base)
        #expect(agree(value(check), expected))
        check.verify()
    }

    @Test(arguments: [Float(1e-12), 1e-6, 0.5]) func layerNorm(epsilon: Float) throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let (gamma, beta) = (weights.trainable("gamma", 1, width), weights.trainable("beta", 1, width))
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [
                tape.layerNorm(
                    x.variable(on: tape, studies: studies), NormWeights(gamma: gamma, beta: beta, epsilon: epsilon))
            ])
        }
        let expected = arena.matrix(rows, width)
        let moments = arena.matrix(2, rows)
        Naive.layerNorm(
            x.matrix(arena), gamma: gamma.value.base, beta: beta.value.base, epsilon: epsilon, into: expected,
            mean: moments.row(0), reciprocalDeviation: moments.row(1))
        #expect(agree(value(check), expected))
        check.verify()
    }

    private func value(_ check: GradientCheck) -> Matrix { check.firstOutput(arena) }
}

extension GradientCheck {
    /// The value of the first output, on a tape that does not record, in memory of `arena`.
    func firstOutput(_ arena: Arena) -> Matrix {
        for memory in [arena, weights.engine.scratch] { memory.poison() }
        return program(Tape(engine: weights.engine, arena: arena, ledger: nil)).outputs[0].value
    }
}
