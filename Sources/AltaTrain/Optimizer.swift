import AltaAutograd
import AltaCore
import AltaModel
import AltaTensor

/// The constants of AdamW.
public struct AdamWConstants: Sendable, Equatable {
    /// Decay of the first moment.
    public var beta1 = 0.9
    /// Decay of the second moment.
    public var beta2 = 0.95
    /// Added to the root of the second moment.
    public var epsilon = 1e-8
    /// Decoupled weight decay, of what is neither a bias nor one-dimensional.
    public var weightDecay = 0.05

    /// The published recipe.
    public init() {}
}

/// AdamW over everything that trains, with the clamp of the logit scales; the same on every rank.
public final class Optimizer {
    /// Its constants.
    public let constants: AdamWConstants
    /// How many updates were made; the bias correction counts them.
    public private(set) var updates: Int

    private let moments: [(first: Matrix, second: Matrix)]
    private let memory: [Region]

    init(constants: AdamWConstants, updates: Int, moments: [(first: Matrix, second: Matrix)], memory: [Region]) {
        self.constants = constants
        self.updates = updates
        self.moments = moments
        self.memory = memory
    }

    /// An optimizer before its first update, all moments zero.
    public static func make(weights: ModelWeights, constants: AdamWConstants) -> Optimizer {
        var memory: [Region] = []
        let moments = weights.trainableSpecs.map { spec in
            let pair = (0..<2).map { _ in
                let region = Region(byteCount: max(spec.count, 1) * MemoryLayout<Float>.stride)
                memory.append(region)
                return region.matrix(spec.rows, spec.columns)  // a new region is zero
            }
            return (first: pair[0], second: pair[1])
        }
        return Optimizer(constants: constants, updates: 0, moments: moments, memory: memory)
    }

    /// First and second moment of the weight in `slot`.
    public func moments(_ slot: Int) -> (first: Matrix, second: Matrix) { moments[slot] }

    /// Takes up where a checkpoint stopped; its moments are already in place.
    func resume(updates: Int) { self.updates = updates }

    /// One update of every weight that trains, then the clamp, then packing for the next step.
    public func update(_ weights: ModelWeights, gradients: GradientLedger, rate: Double, engine: Engine) {
        updates += 1
        for (slot, spec) in weights.trainableSpecs.enumerated() {
            engine.adamW(
                parameter: weights.trainables[slot].value.base, gradient: gradients.gradient(slot).base,
                firstMoment: moments[slot].first.base, secondMoment: moments[slot].second.base, count: spec.count,
                step: updates, rate: rate, beta1: constants.beta1, beta2: constants.beta2,
                epsilon: constants.epsilon, weightDecay: spec.decays ? constants.weightDecay : 0)
        }
        Optimizer.clampLogitScales(weights)
        weights.repack(engine: engine)
    }

    /// Logit scales stay in [0, ln 100]. Source: `clamp_scales` of the reference.
    static func clampLogitScales(_ weights: ModelWeights) {
        let limit = Float(Double.naturalLogarithm(100))
        for name in WeightCatalog.logitScaleNames {
            guard let scale = weights.find(name)?.trainable else { continue }
            scale.value[0, 0] = min(max(scale.value[0, 0], 0), limit)
        }
    }
}
