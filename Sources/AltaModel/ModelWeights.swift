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

    private let byName: [String: Weight]
    private let memory: [Region]

    init(
        config: ModelConfig, catalog: WeightCatalog, trainables: [Trainable], trainableSpecs: [WeightSpec],
        frozenFromNoFile: [WeightSpec], byName: [String: Weight], memory: [Region]
    ) {
        self.config = config
        self.catalog = catalog
        self.trainables = trainables
        self.trainableSpecs = trainableSpecs
        self.frozenFromNoFile = frozenFromNoFile
        self.byName = byName
        self.memory = memory
    }

    /// Fills every weight from `source` and packs it for the engine.
    ///
    /// - Throws: what the source throws for a tensor that is missing or has another shape.
    public static func make(
        config: ModelConfig, trainable: TrainableSet, adapterInit: AdapterInit = .zero, source: any WeightSource,
        engine: Engine
    ) throws -> ModelWeights {
        let catalog = WeightCatalog.make(config, adapterInit: adapterInit)
        var loader = WeightLoader(source: source, engine: engine, trainable: trainable)
        for spec in catalog.specs { try loader.load(spec) }
        return ModelWeights(
            config: config, catalog: catalog, trainables: loader.trainables, trainableSpecs: loader.trainableSpecs,
            frozenFromNoFile: loader.frozenFromNoFile, byName: loader.byName, memory: loader.memory)
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

/// Loads weights one after the other; a value type, so that `ModelWeights` only stores.
private struct WeightLoader {
    let source: any WeightSource
    let engine: Engine
    let trainable: TrainableSet
    var trainables: [Trainable] = []
    var trainableSpecs: [WeightSpec] = []
    var frozenFromNoFile: [WeightSpec] = []
    var byName: [String: Weight] = [:]
    var memory: [Region] = []

    mutating func load(_ spec: WeightSpec) throws {
        let region = Region(byteCount: spec.count * MemoryLayout<Float>.stride)
        memory.append(region)
        let value = region.matrix(spec.rows, spec.columns)
        var fromFile = true
        for (part, offset) in ModelWeights.parts(of: spec) {
            let target = UnsafeMutableBufferPointer(start: value.base + offset, count: part.count)
            fromFile = try source.load(part, of: spec, into: target) && fromFile
        }
        let packed = spec.isPacked ? engine.pack(value) : nil
        guard spec.trains(in: trainable) else {
            byName[spec.name] = .frozen(Frozen(name: spec.name, value: value, packed: packed))
            if !fromFile { frozenFromNoFile.append(spec) }
            return
        }
        let weight = Trainable(name: spec.name, value: value, packed: packed, slot: trainables.count)
        trainables.append(weight)
        trainableSpecs.append(spec)
        byName[spec.name] = .trainable(weight)
    }
}
