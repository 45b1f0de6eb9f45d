import AltaAutograd
import AltaCore
import AltaTensor

/// Every weight of one model: values, packed matrices, and which of them train.
public final class ModelWeights {
    /// The model's shape.
    public let config: ModelConfig
    /// What the weights are, in a fixed order.
    public let catalog: WeightCatalog
    /// What trains, by ledger slot.
    public let trainables: [Trainable]
    /// The specs of `trainables`.
    public let trainableSpecs: [WeightSpec]
    /// The frozen specs whose values came from no file: they belong into the run folder.
    public let frozenFromNoFile: [WeightSpec]
    /// The hash of all frozen weights; see `WeightHash`.
    public let frozenHash: String

    private let source: any WeightSource
    private let byName: [String: Weight]
    private let memory: [AnyObject]

    init(
        plan: WeightPlan, source: any WeightSource, trainables: [Trainable], frozenFromNoFile: [WeightSpec],
        frozenHash: String, byName: [String: Weight], memory: [AnyObject]
    ) {
        config = plan.config
        catalog = plan.catalog
        trainableSpecs = plan.places.filter(\.trains).map(\.spec)
        self.source = source
        self.trainables = trainables
        self.frozenFromNoFile = frozenFromNoFile
        self.frozenHash = frozenHash
        self.byName = byName
        self.memory = memory
    }

    /// Fills every weight from `source` and packs it, in memory that no other rank has.
    ///
    /// - Throws: what the source throws for a tensor that is missing or has another shape.
    public static func make(
        config: ModelConfig, trainable: TrainableSet, adapterInit: AdapterInit = .zero, source: any WeightSource,
        engine: Engine
    ) throws -> ModelWeights {
        let plan = WeightPlan.make(config: config, trainable: trainable, adapterInit: adapterInit, engine: engine)
        let loading = WeightLoading(plan: plan, source: source, engine: engine)
        let (frozen, own) = (Region(byteCount: plan.frozenByteCount), Region(byteCount: plan.ownByteCount))
        let facts = try loading.fill(plan.frozenShares(1)[0], of: frozen.base)
        _ = try loading.fill(plan.trainableIndices, of: own.base)
        return loading.weights(frozen: frozen.base, owner: frozen, facts: facts, own: own)
    }

    /// The fp32 numbers of a frozen weight, from where they came: those of a packed matrix are not kept.
    ///
    /// - Parameter body: gets them, row after row; they are gone afterwards.
    /// - Throws: what the source throws.
    public func withFrozenValues<Result>(
        of spec: WeightSpec, _ body: (Matrix) throws -> Result
    ) throws -> Result {
        let region = Region(byteCount: spec.count * MemoryLayout<Float>.stride)
        let values = region.matrix(spec.rows, spec.columns)
        _ = try source.loadAll(spec, into: values)
        return try withExtendedLifetime(region) { try body(values) }
    }

    /// The weight of that name; traps for a name that the catalogue does not hold.
    public subscript(name: String) -> Weight {
        guard let weight = byName[name] else { preconditionFailure("the model has no weight \(name)") }
        return weight
    }

    /// The weight of that name; nil where this stage's model has none, as adapters in pretraining.
    public func find(_ name: String) -> Weight? { byName[name] }

    /// Packs what trains again, after an update.
    public func repack(engine: Engine) {
        for weight in trainables {
            if let packed = weight.packed { engine.repack(packed, from: weight.value) }
        }
    }

    /// The four logit scales as they are stored (logarithms), in the order of `WeightCatalog.logitScaleNames`; none in
    /// pretraining.
    public var logitScales: [Float] { WeightCatalog.logitScaleNames.compactMap { find($0)?.value[0, 0] } }

    /// How many numbers train.
    public var trainableCount: Int { trainableSpecs.reduce(0) { $0 + $1.count } }

    /// The published tensors of a spec with where each one's values begin: parts lie one below the other.
    public static func parts(of spec: WeightSpec) -> [(part: WeightPart, offset: Int)] {
        let offsets = Segments(lengths: spec.parts.map(\.count)).offsets
        return zip(spec.parts, offsets).map { ($0, $1) }
    }
}
