import AltaAutograd
import AltaCore
import AltaModel
import AltaTensor
import Testing

/// The gradient of every weight of a small model, all of them trainable, against differences in random directions.
struct FullGradientTests {
    /// The directions for each weight: an error must be orthogonal to all of them to hide.
    private static let directions = 3
    /// How far a direction goes, relative to the weight's own size. The quotient's error in theory is 1e-7 of the
    /// derivative; fp32 rounding moves a scalar of size 10 by 1e-6, which weights of small gradients feel.
    private static let step = 0.02
    /// Of the difference, relative to the standard deviation of the derivative over directions. Measured: 3e-3 at a few
    /// biases of small gradient, mostly below 5e-4.
    private static let tolerance = 1e-2
    private let arena = Arena()

    /// The logit scales are outside the model: the objective has their gradients.
    private static let outside = Set(WeightCatalog.logitScaleNames)

    @Test(arguments: Stage.allCases, [GradientSum.orderFree, .floating])
    func everyWeight(stage: Stage, sum: GradientSum) throws {
        let sample = try SampleModel(stage, trainable: .all, dropoutRate: 0.1)
        let ledger = sweep(sample, sum)
        for (slot, spec) in sample.weights.trainableSpecs.enumerated()
        where !FullGradientTests.outside.contains(spec.name) {
            let gradient = ledger.gradient(slot).toArray()
            let values = sample.weights.trainables[slot].value.toArray()
            let size = (values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
            let length = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(length > 0, "\(spec.name) has no gradient")
            for number in 0..<(sum == .orderFree ? FullGradientTests.directions : 1) {
                let key = RandomKey(seed: UInt64(slot), purpose: .test).child(UInt64(number))
                let direction = values.indices.map { Float(size * key.normal($0)) }
                let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                let got = derivative(sample, slot, values, direction)
                let error = abs(got - expected) / (length * size)
                #expect(
                    error < FullGradientTests.tolerance,
                    "\(spec.name), \(sum): derivative \(expected), differences \(got)")
            }
        }
    }

    /// The gradient of `scalar`, settled.
    private func sweep(_ sample: SampleModel, _ sum: GradientSum) -> GradientLedger {
        arena.release(to: .start)
        let ledger = sample.ledger(sum, globalBatch: 4)
        let tape = Tape(engine: sample.engine, arena: arena, ledger: ledger)
        let output = sample.model.forward(SampleStudy.ragged, counts: SampleStudy.raggedCounts, on: tape)
        let seeds = embeddings(output).enumerated().map { number, variable in
            let seed = arena.matrix(variable.value.rows, variable.value.columns)
            for element in 0..<seed.count { seed.base[element] = weight(number, element) }
            return (variable, seed)
        }
        tape.backward(seeds: seeds)
        ledger.settle()
        return ledger
    }

    /// All four embeddings times fixed numbers, and the two summed losses as means over the batch.
    private func scalar(_ sample: SampleModel) -> Double {
        arena.release(to: .start)
        let tape = Tape(engine: sample.engine, arena: arena, ledger: nil)
        let counts = SampleStudy.raggedCounts
        let output = sample.model.forward(SampleStudy.ragged, counts: counts, on: tape)
        let losses =
            output.imageErrors.reduce(0, +) / Double(counts.hiddenPatches)
            + output.textErrors.reduce(0, +) / Double(counts.maskedTokens)
        return embeddings(output).enumerated().reduce(losses) { total, variable in
            (0..<variable.element.value.count).reduce(total) { sum, element in
                sum + Double(weight(variable.offset, element)) * Double(variable.element.value.base[element])
            }
        }
    }

    private func derivative(
        _ sample: SampleModel, _ slot: Int, _ values: [Float], _ direction: [Float]
    ) -> Double {
        let weight = sample.weights.trainables[slot]
        func at(_ steps: Double) -> Double {
            let reach = Float(steps * FullGradientTests.step)
            weight.value.copy(from: zip(values, direction).map { $0 + reach * $1 })
            if let packed = weight.packed { sample.engine.repack(packed, from: weight.value) }
            return scalar(sample)
        }
        let (near, far) = (at(1) - at(-1), at(2) - at(-2))
        weight.value.copy(from: values)
        if let packed = weight.packed { sample.engine.repack(packed, from: weight.value) }
        return (8 * near - far) / (12 * FullGradientTests.step)
    }

    private func embeddings(_ output: ModelOutput) -> [Variable] { output.named.map(\.variable) }

    private func weight(_ output: Int, _ element: Int) -> Float {
        0.1 * (RandomKey(seed: 5, purpose: .test).child(UInt64(output)).uniform(element) - 0.5)
    }
}
