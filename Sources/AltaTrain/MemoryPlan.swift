import AltaCore
import AltaModel

/// How many studies fit in memory at once.
public struct MemoryPlan: Sendable {
    /// The shape of the model.
    public let config: ModelConfig

    /// Stores the shape.
    public init(config: ModelConfig) { self.config = config }

    /// The bytes of the weights: as they are and packed in two directions, and of what trains a gradient and two moments,
    /// with sums that do not depend on their order 8 bytes more. A large number of a slip in a width is no overflow here.
    ///
    /// - Parameter training: the run; nil: nothing is trained.
    public func weightBytes(training run: RunConfig?) -> Double {
        let specs = WeightCatalog.make(config).specs
        func floats(_ specs: [WeightSpec]) -> Double { specs.reduce(0) { $0 + Double($1.rows) * Double($1.columns) } }
        let float = Double(MemoryLayout<Float>.stride)
        guard let run else { return 3 * float * floats(specs) }
        let training = floats(specs.filter { $0.trains(in: run.trainable) })
        return 3 * float * floats(specs) + (3 * float + (run.isDeterministic ? 8 : 0)) * training
    }

    /// An upper estimate of the bytes that one study's values and gradients take between forward and backward.
    ///
    /// Counted from the operations on the tape: about 22 matrices as wide as the model a block (q, k and v count
    /// three), twice the feed-forward width, and as much again at most for gradients alive at one time.
    public func bytesPerStudy(tokens: Int) -> Int {
        let vision = config.stage.views.count * (1 + config.kept)
        let text = config.stage.reportHalves.count * tokens
        let decoder = 1 + config.patches
        let visionFloats = vision * config.width * (22 + 8) * config.visionDepth
        let textFloats = text * (config.textWidth * 22 + 2 * config.textIntermediate) * config.textDepth
        let decoderFloats = decoder * config.decoderWidth * (14 + 8) * config.decoderDepth
        let pixels = (config.patches - config.kept) * config.targetElements * 3
        let joint = config.stage == .align ? (vision + text) * config.projection * 8 : 0
        return (visionFloats + textFloats + decoderFloats + pixels + joint) * MemoryLayout<Float>.stride * 5 / 4
    }

    /// The micro-batch for a configuration's 0: what fits in half of the memory that this rank may count on, and beside the
    /// weights.
    ///
    /// - Parameter training: the run, where weights are to be counted.
    public func microBatch(availableBytes: Int, share: Int, training run: RunConfig? = nil) -> Int {
        let weights = run.map { Int(min(weightBytes(training: $0), 0x1p62)) } ?? 0
        let free = max(0, min(availableBytes / 2, availableBytes - weights))
        return max(1, min(free / bytesPerStudy(tokens: config.maxTokens), share))
    }
}
