import AltaCore
import AltaModel
import AltaTensor

/// How many studies fit in memory at once.
public struct MemoryPlan: Sendable {
    /// The shape of the model.
    public let config: ModelConfig

    /// Stores the shape.
    public init(config: ModelConfig) { self.config = config }

    /// The bytes that weights take of a rank's memory. Frozen ones are packed in each direction or plain, and shared; what
    /// trains has a master copy, a gradient and two moments besides, with sums that do not depend on their order 8 bytes
    /// more. A large number of a slip in a width is no overflow here.
    ///
    /// - Parameters:
    ///   - training: the run; nil: nothing is trained, and nothing packed for a way back.
    ///   - sharingRanks: the ranks that share the frozen weights.
    ///   - copies: whether this rank keeps the copy that checkpoints are written from, of what trains and the moments.
    public func weightBytes(training run: RunConfig?, sharingRanks: Int = 1, copies: Bool = false) -> Double {
        let float = Double(MemoryLayout<Float>.stride)
        let packedBytes = Double((run?.precision == .bf16 ? NumberFormat.half : .full).byteCount)
        var (frozen, own) = (0.0, 0.0)
        for spec in WeightCatalog.make(config).specs {
            let count = Double(spec.rows) * Double(spec.columns)
            let packed = spec.isPacked ? count * packedBytes * (run == nil ? 1 : 2) : 0
            guard spec.trains(in: run?.trainable ?? .adapters) else {
                frozen += packed + (spec.needsPlainNumbers ? count * float : 0)
                continue
            }
            own += packed + count * float
            if let run { own += count * ((copies ? 6 : 3) * float + (run.isDeterministic ? 8 : 0)) }
        }
        return own + frozen / Double(max(sharingRanks, 1))
    }

    /// An upper estimate of the bytes that one study's values and gradients take between forward and backward.
    ///
    /// Counted from what the tape keeps of a row and block, W being the width: in bf16 two sums of 4 W bytes, q, k and v,
    /// what goes into products, the adapters' few, together 28 W, and 2 for each number inside the feed-forward branch; in
    /// fp32 44 W and 4. A quarter more for the gradients that are alive at one time, and for rounding rows up to 16.
    public func bytesPerStudy(tokens: Int, precision: Precision = .fp32) -> Int {
        let (ofWidth, ofInner) = precision == .bf16 ? (28, 2) : (44, 4)
        func block(_ width: Int, _ inner: Int) -> Int { ofWidth * width + ofInner * inner }
        let float = MemoryLayout<Float>.stride
        let vision = config.stage.views.count * (1 + config.kept)
        let text = config.stage.reportHalves.count * tokens
        let decoder = 1 + config.patches
        let encoders =
            vision * block(config.width, 4 * config.width) * config.visionDepth
            + text * block(config.textWidth, config.textIntermediate) * config.textDepth
        let painting =
            decoder * block(config.decoderWidth, 4 * config.decoderWidth) * config.decoderDepth
            + (config.patches - config.kept) * config.targetElements * 3 * float
        let pixels = vision * config.patchElements * 2 * float
        let joint = config.stage == .align ? (vision + text) * config.projection * 8 * float : 0
        return (encoders + painting + pixels + joint) * 5 / 4
    }

    /// The micro-batch for a configuration's 0: what fits in half of the memory that this rank may count on, and beside the
    /// weights.
    ///
    /// - Parameters:
    ///   - training: the run, where weights are to be counted.
    ///   - sharingRanks: the ranks that share the frozen ones.
    ///   - copies: whether this rank keeps the copy that checkpoints are written from.
    public func microBatch(
        availableBytes: Int, share: Int, training run: RunConfig? = nil, sharingRanks: Int = 1, copies: Bool = false
    ) -> Int {
        let weights = run.map {
            Int(min(weightBytes(training: $0, sharingRanks: sharingRanks, copies: copies), 0x1p62))
        }
        let study = bytesPerStudy(tokens: config.maxTokens, precision: run?.precision ?? .fp32)
        let free = max(0, min(availableBytes / 2, availableBytes - (weights ?? 0)))
        return max(1, min(free / study, share))
    }
}
