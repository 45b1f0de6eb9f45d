import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// The reverse sweep itself: fan-outs, outputs without a loss, weights that do not train.
struct SweepTests {
    private let studies = Segments(lengths: [2, 0, 3])
    private let arena = Arena()

    /// `x` feeds two branches of every kind that accumulates; one of them feeds itself in twice.
    @Test func fanOut() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", 5, 6)
        let vector = weights.input("vector", 2, 6)
        let (w, b) = (weights.trainable("w", 6, 6, packed: true), weights.trainable("b", 1, 6))
        let (gamma, beta) = (weights.trainable("gamma", 1, 6), weights.trainable("beta", 1, 6))
        let keys = (0..<3).map { RandomKey(seed: 1, purpose: .dropout).child(UInt64($0)) }
        GradientCheck(weights: weights) { [studies] tape in
            let x = x.variable(on: tape, studies: studies)
            let vector = vector.variable(on: tape, studies: Segments(count: 2, length: 1))
            let sums = [
                tape.add(x, x, scale: 0.25), tape.gelu(x), tape.linear(x, w, bias: b),
                tape.linear(tape.gelu(x), w, bias: b), tape.normalizeRows(x),
                tape.layerNorm(x, NormWeights(gamma: gamma, beta: beta, epsilon: 1e-6)),
                tape.dropout(x, RowDropout(rate: 0.5, keys: keys, sequences: studies)),
                tape.addVector(x, vector, toRows: [0..<1, 2..<5]), tape.addVector(x, vector, toRows: [1..<3, 3..<4]),
            ]
            let total = sums.dropFirst().reduce(sums[0]) { tape.add($0, $1, scale: 0.5) }
            let few = Segments(lengths: [1, 0, 1])
            return Outcome(outputs: [
                total, tape.selectRows(x, [1, 3], studies: few), tape.selectRows(x, [4, 1], studies: few),
                tape.meanOfRows(x, [0, 1, 2, 3], groupSize: 2), x,
            ])
        }.verify()
    }

    @Test(arguments: [GradientSum.orderFree, .floating]) func outputWithoutLossChangesNothing(sum: GradientSum) throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", 5, 6)
        let (w, b) = (weights.trainable("w", 6, 6, packed: true), weights.trainable("b", 1, 6))
        let (idleW, idleB) = (weights.trainable("idle w", 6, 6, packed: true), weights.trainable("idle b", 1, 6))
        func gradient(idle: Bool) -> GradientLedger {
            GradientCheck(weights: weights) { [studies] tape in
                let x = x.variable(on: tape, studies: studies)
                let y = tape.linear(tape.gelu(x), w, bias: b)
                if idle { _ = tape.gelu(tape.linear(tape.add(x, y), idleW, bias: idleB)) }
                return Outcome(outputs: [y])
            }.sweep(sum)
        }
        let (alone, beside) = (gradient(idle: false), gradient(idle: true))
        #expect(alone.numbers.map(\.bitPattern) == beside.numbers.map(\.bitPattern))
        #expect(alone.numbers(0).contains { $0 != 0 })
        for idle in [idleW, idleB] {
            #expect(idle.trainable.map { beside.numbers($0.slot).allSatisfy { $0 == 0 } } == true)
        }
    }

    /// Where nothing trains nothing is asked to be differentiated; and a frozen weight has no slot to be written to.
    @Test func frozenWeightsHaveNoGradient() throws {
        let weights = try ProgramWeights()
        let (w, b) = (weights.frozen("w", 6, 6, packed: true), weights.frozen("b", 1, 6))
        let tables = TextTokenWeights(
            words: weights.frozen("words", 4, 6, packed: true), positions: weights.frozen("positions", 3, 6),
            types: weights.frozen("types", 2, 6))
        let ledger = GradientLedger.make(
            sum: .orderFree, shapes: weights.shapes, globalBatch: 2, engine: weights.engine)
        #expect(ledger.count == 0)
        let tape = Tape(engine: weights.engine, arena: arena, ledger: ledger)
        let x = tape.textTokens(
            [0, 1, 3, 2, 2], sequences: Segments(lengths: [2, 3]), studies: Segments(lengths: [2, 3]), weights: tables)
        let y = tape.layerNorm(tape.linear(x, w, bias: b), NormWeights(gamma: b, beta: b, epsilon: 1e-6))
        #expect(!x.needsGradient && !y.needsGradient)
        _ = tape.maskedLanguageError(y, words: tables.words, bias: b4(weights), labels: [0, 1, 2, 3, 0], scale: 1)
        tape.backward(seeds: [(y, weights.normal(5, 6))])
        #expect(ledger.isFinite)
    }

    /// A trainable behind frozen layers gets its gradient through them, and is the only slot.
    @Test func gradientsPassFrozenWeights() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", 5, 6)
        let (w, b) = (weights.frozen("w", 6, 6, packed: true), weights.frozen("b", 1, 6))
        #expect(weights.shapes.count == 1)
        GradientCheck(weights: weights) { [studies] tape in
            let y = tape.linear(x.variable(on: tape, studies: studies), w, bias: b)
            return Outcome(outputs: [tape.layerNorm(tape.gelu(y), NormWeights(gamma: b, beta: b, epsilon: 1e-6))])
        }.verify()
    }

    @Test func withoutALedgerNothingIsRecorded() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", 5, 6)
        let tape = Tape(engine: weights.engine, arena: arena, ledger: nil)
        #expect(!tape.isRecording)
        #expect(!x.variable(on: tape, studies: studies).needsGradient)
    }

    /// A parameter is complete once, after the last operation that adds to it and before the sweep goes on; idle ones first.
    @Test func tellsWhatIsComplete() throws {
        let weights = try ProgramWeights()
        let (w, b) = (weights.trainable("w", 6, 6, packed: true), weights.trainable("b", 1, 6))
        _ = weights.trainable("idle", 1, 6)
        let (gamma, frozen) = (weights.trainable("gamma", 1, 6), weights.frozen("beta", 1, 6))
        let ledger = GradientLedger.make(
            sum: .orderFree, shapes: weights.shapes, globalBatch: 2, engine: weights.engine)
        let tape = Tape(engine: weights.engine, arena: arena, ledger: ledger)
        var x = tape.linear(tape.constant(weights.normal(5, 6), studies: studies), w, bias: b)
        x = tape.layerNorm(tape.gelu(x), NormWeights(gamma: gamma, beta: frozen, epsilon: 1e-6))
        // This branch leads to no loss; what it uses is complete nevertheless.
        _ = tape.linear(x, w, bias: b)
        var told: [SweepProgress] = []
        var units: [[Int64]] = []
        tape.backward(seeds: [(x, weights.normal(5, 6))]) { progress in
            told.append(progress)
            units.append(ledger.units)
        }
        #expect(
            told == [
                .completed(slot: 2), .operationEnded, .completed(slot: 3), .operationEnded, .operationEnded,
                .completed(slot: 0), .completed(slot: 1), .operationEnded,
            ])
        for slot in 0..<4 {
            let place = try #require(told.firstIndex(of: .completed(slot: slot)))
            let range = ledger.offsets[slot]..<ledger.offsets[slot + 1]
            #expect(units[place][range] == ledger.units[range])
        }
    }

    private func b4(_ weights: ProgramWeights) -> Weight { weights.frozen("bias", 1, 4) }
}
