import AltaAutograd
import AltaCore
import AltaModel
import AltaTensor
import AltaTrain
import Foundation
import Testing

@Suite struct OptimizerTests {
    /// fp32 arithmetic against double: a few roundings of values of order 1.
    private static let tolerance = 2e-7

    private static let config: ModelConfig = {
        var config = ModelConfig()
        (config.imageSize, config.patchSize, config.width, config.projection) = (32, 16, 16, 8)
        (config.visionDepth, config.visionHeads, config.textDepth, config.textHeads) = (1, 2, 1, 2)
        (config.decoderWidth, config.decoderDepth, config.decoderHeads, config.textIntermediate) = (16, 1, 2, 32)
        (config.vocabulary, config.maxTokens, config.maxPositions) = (20, 8, 16)
        return config
    }()

    private struct Setup {
        let engine: Engine
        let weights: ModelWeights
        let ledger: GradientLedger
        let optimizer: Optimizer

        init(_ trainable: TrainableSet = .all) throws {
            engine = try Engine(threads: 1)
            weights = try ModelWeights.make(
                config: OptimizerTests.config, trainable: trainable, source: RandomWeights(seed: 5), engine: engine)
            ledger = GradientLedger.make(
                sum: .floating, shapes: weights.trainableSpecs.map { ($0.rows, $0.columns) }, globalBatch: 1,
                engine: engine)
            optimizer = Optimizer.make(weights: weights, constants: AdamWConstants())
        }

        /// A gradient that differs from element to element and step to step.
        func fillGradient(step: Int) {
            for place in 0..<ledger.count {
                ledger.floats[place] = Float(sin(Double(place * 3 + step))) * 0.1
            }
        }
    }

    /// AdamW as its paper has it, in double precision, of one number.
    private struct ByHand {
        var value: Double
        var first = 0.0
        var second = 0.0

        mutating func step(_ number: Int, gradient: Double, rate: Double, decay: Double) {
            value -= rate * decay * value
            first = 0.9 * first + 0.1 * gradient
            second = 0.95 * second + 0.05 * gradient * gradient
            let unbiased = (first / (1 - pow(0.9, Double(number))), second / (1 - pow(0.95, Double(number))))
            value -= rate * unbiased.0 / (unbiased.1.squareRoot() + 1e-8)
        }
    }

    @Test func threeStepsFollowAdamW() throws {
        let setup = try Setup()
        let scales = Set(WeightCatalog.logitScaleNames)
        var numbers = setup.weights.trainables.map { weight in
            weight.value.toArray().map { ByHand(value: Double($0)) }
        }
        for step in 1...3 {
            setup.fillGradient(step: step)
            for (slot, spec) in setup.weights.trainableSpecs.enumerated() {
                let gradient = setup.ledger.gradient(slot).toArray()
                for place in gradient.indices {
                    numbers[slot][place].step(
                        step, gradient: Double(gradient[place]), rate: 0.01, decay: spec.decays ? 0.05 : 0)
                }
            }
            setup.optimizer.update(setup.weights, gradients: setup.ledger, rate: 0.01, engine: setup.engine)
        }
        #expect(setup.optimizer.updates == 3)
        for (slot, spec) in setup.weights.trainableSpecs.enumerated() where !scales.contains(spec.name) {
            let found = setup.weights.trainables[slot].value.toArray()
            let worst = zip(found, numbers[slot]).map { abs(Double($0) - $1.value) }.max() ?? 0
            #expect(worst <= Self.tolerance, "\(spec.name)")
        }
    }

    @Test func decayIsForMatricesAlone() throws {
        let setup = try Setup()
        let decayed = setup.weights.trainableSpecs.filter(\.decays)
        #expect(decayed.allSatisfy { ($0.parts.first?.shape.count ?? 0) > 1 && !$0.name.hasSuffix("bias") })
        #expect(!decayed.isEmpty && decayed.count < setup.weights.trainableSpecs.count)
        let before = setup.weights.trainables.map { $0.value.toArray() }
        setup.ledger.reset()
        setup.optimizer.update(setup.weights, gradients: setup.ledger, rate: 0.1, engine: setup.engine)
        for (slot, spec) in setup.weights.trainableSpecs.enumerated() {
            let factor: Float = spec.decays ? 1 - 0.1 * 0.05 : 1
            let pairs = zip(setup.weights.trainables[slot].value.toArray(), before[slot])
            #expect(pairs.allSatisfy { abs($0 - $1 * factor) <= abs($1) * 2e-7 }, "\(spec.name)")
        }
    }

    /// exp(logit scale) stays in [1, 100].
    @Test(arguments: [Float(1), -1]) func logitScalesAreClamped(sign: Float) throws {
        let setup = try Setup(.adapters)
        for _ in 0..<5 {
            setup.ledger.floats.update(repeating: sign)
            setup.optimizer.update(setup.weights, gradients: setup.ledger, rate: 1, engine: setup.engine)
        }
        #expect(setup.weights.logitScales == [Float](repeating: sign > 0 ? 0 : Float(log(100.0)), count: 4))
    }

    @Test func aRateOfZeroChangesNothing() throws {
        let setup = try Setup()
        let before = setup.weights.trainables.map { $0.value.toArray() }
        setup.fillGradient(step: 1)
        setup.optimizer.update(setup.weights, gradients: setup.ledger, rate: 0, engine: setup.engine)
        #expect(setup.weights.trainables.map { $0.value.toArray() } == before)
        #expect(setup.optimizer.moments(0).first.toArray().contains { $0 != 0 })
    }
}
