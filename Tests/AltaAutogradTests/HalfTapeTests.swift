import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// The same program in an engine of half format: every result and gradient is that of fp32 but for rounding.
///
/// Differences, as in `GradientCheck`, would see nothing but rounding here.
struct HalfTapeTests {
    /// What a gradient's cosine may lack of 1. Measured: below 3e-4.
    private static let cosineLack = 2e-3
    /// Of results, relative in norm. Measured: below 7e-3.
    private static let resultTolerance = 2e-2
    private let studies = Segments(lengths: [20, 0, 13])
    private let width = 32

    @Test func aBlockOfTheModel() throws {
        try expectSameGradients { weights in
            let x = weights.input("x", 33, width)
            let norm = NormWeights(
                gamma: weights.trainable("gamma", 1, width), beta: weights.trainable("beta", 1, width), epsilon: 1e-6)
            let (qkv, output) = (layer(weights, "qkv", 3 * width, width), layer(weights, "output", width, width))
            let (down, up) = (
                layer(weights, "down", 16, width, trains: true), layer(weights, "up", width, 16, trains: true)
            )
            let feedForward = feedForward(weights, trains: false)
            return { tape in
                let stream = ResidualStream(x.variable(on: tape, studies: studies, storage: .sums))
                let (sum, normed) = tape.sumAndNorm(stream, norm)
                let mixed = tape.attention(
                    tape.linear(normed, qkv.0, bias: qkv.1), sequences: studies, heads: 2, dropout: nil)
                let attended = tape.linear(mixed, output.0, bias: output.1)
                let inner = tape.gelu(tape.linear(attended, down.0, bias: down.1))
                let adapted = tape.linear(inner, up.0, bias: up.1)
                let (middle, second) = tape.sumAndNorm(
                    ResidualStream(sum, adding: [Branch(attended), Branch(adapted, scale: 0.5)]), norm)
                let end = ResidualStream(middle, adding: [Branch(tape.feedForward(second, feedForward))])
                return Outcome(outputs: [tape.sum(end)])
            }
        }
    }

    @Test func aPostNormLayerWithDropout() throws {
        let keys = (0..<2).map { RandomKey(seed: 1, purpose: .dropout).child(UInt64($0)) }
        let dropout = RowDropout(rate: 0.3, keys: keys, sequences: Segments(lengths: [20, 13]))
        try expectSameGradients { weights in
            let x = weights.input("x", 33, width)
            let norm = NormWeights(
                gamma: weights.trainable("gamma", 1, width), beta: weights.trainable("beta", 1, width), epsilon: 1e-12)
            let feedForward = feedForward(weights, trains: true)
            return { tape in
                let x = x.variable(on: tape, studies: studies, storage: .both)
                let start = tape.dropout(x, dropout)
                let branch = Branch(tape.feedForward(start, feedForward), dropout: dropout)
                let normed = tape.sumAndNorm(ResidualStream(start, adding: [branch]), norm, storage: .both).normed
                let beside = Branch(tape.feedForward(normed, feedForward), scale: 0.1)
                return Outcome(outputs: [tape.sum(ResidualStream(normed, adding: [beside]), storage: .both)])
            }
        }
    }

    /// Rows of a result that only products read, chosen for sums and for products; losses.
    @Test func chosenRowsAndMaskedWords() throws {
        let few = Segments(lengths: [3, 0, 2])
        try expectSameGradients { weights in
            let x = weights.input("x", 33, width)
            let dense = layer(weights, "dense", width, width, trains: true)
            let words = layer(weights, "words", 50, width, trains: true)
            return { tape in
                let x = tape.linear(x.variable(on: tape, studies: studies, storage: .both), dense.0, bias: dense.1)
                let rows = [3, 19, 4, 30, 21]
                let chosen = tape.selectRows(x, rows, studies: few)
                let errors = tape.maskedLanguageError(
                    chosen, words: words.0, bias: words.1, labels: [4, 0, 49, 7, 7], scale: 0.2)
                return Outcome(
                    outputs: [tape.selectRows(x, rows, studies: few, storage: .sums)],
                    loss: 0.2 * errors.reduce(0, +))
            }
        }
    }

    private func layer(
        _ weights: ProgramWeights, _ name: String, _ outputs: Int, _ inputs: Int, trains: Bool = false
    ) -> (Weight, Weight) {
        let scale = 1 / Double(inputs).squareRoot()
        return trains
            ? (
                weights.trainable(name, outputs, inputs, scale: scale, packed: true),
                weights.trainable("\(name) bias", 1, outputs)
            )
            : (
                weights.frozen(name, outputs, inputs, scale: scale, packed: true),
                weights.frozen("\(name) bias", 1, outputs)
            )
    }

    private func feedForward(_ weights: ProgramWeights, trains: Bool) -> FeedForwardWeights {
        let expand = layer(weights, "expand", 2 * width, width, trains: trains)
        let contract = layer(weights, "contract", width, 2 * width, trains: trains)
        return FeedForwardWeights(
            expand: expand.0, expandBias: expand.1, contract: contract.0, contractBias: contract.1)
    }

    private func expectSameGradients(
        _ make: (ProgramWeights) -> (Tape) -> Outcome, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let checks = try [NumberFormat.full, .half].map { format in
            let weights = try ProgramWeights(format: format)
            return GradientCheck(weights: weights, program: make(weights))
        }
        let scalars = checks.map { $0.results() }
        #expect(
            distance(scalars[1].map { Float($0) }, scalars[0]) < Self.resultTolerance * norm(scalars[0]),
            sourceLocation: sourceLocation)
        let ledgers = checks.map { $0.sweep(.orderFree) }
        for weight in checks[0].weights.trainables {
            let (full, half) = (ledgers[0].numbers(weight.slot), ledgers[1].numbers(weight.slot))
            let product = zip(full, half).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            let cosine = product / (norm(full.map { Double($0) }) * norm(half.map { Double($0) }))
            #expect(cosine > 1 - Self.cosineLack, "\(weight.name): cosine \(cosine)", sourceLocation: sourceLocation)
        }
    }
}

extension GradientCheck {
    /// All numbers of the outputs, and the loss.
    fileprivate func results() -> [Double] {
        let arena = Arena(chunkBytes: 1 << 20)
        return withExtendedLifetime(arena) {
            let outcome = program(Tape(engine: weights.engine, arena: arena, ledger: nil))
            return outcome.outputs.flatMap { $0.value.elements.map { Double($0) } } + [outcome.loss]
        }
    }
}
