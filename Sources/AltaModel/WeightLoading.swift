import AltaAutograd
import AltaCore
import AltaTensor

/// Fills the memory of a plan with the values of a source, in steps that ranks can share: the frozen weights piece by
/// piece, then what trains, then the model's weights over both.
public struct WeightLoading {
    /// Where everything lies.
    public let plan: WeightPlan
    private let source: any WeightSource
    private let engine: Engine

    /// Stores the parts.
    public init(plan: WeightPlan, source: any WeightSource, engine: Engine) {
        self.plan = plan
        self.source = source
        self.engine = engine
    }

    /// What is known of a weight once it is loaded.
    public struct Facts: Equatable, Sendable {
        /// Its place in the plan.
        public let index: Int
        /// The hash of its name and values.
        public let hash: UInt64
        /// Whether its values came from a file.
        public let isFromFile: Bool

        /// Stores the facts.
        public init(index: Int, hash: UInt64, isFromFile: Bool) {
            self.index = index
            self.hash = hash
            self.isFromFile = isFromFile
        }
    }

    /// Loads, hashes and packs weights.
    ///
    /// - Parameters:
    ///   - indices: their places in the plan, all frozen or all of what trains.
    ///   - block: the block that they lie in.
    ///   - loaded: hears of each one's numbers when it is done.
    /// - Throws: what the source throws for a tensor that is missing or has another shape.
    public func fill(
        _ indices: some Sequence<Int>, of block: UnsafeMutableRawPointer, loaded: (_ numbers: Int) -> Void = { _ in }
    ) throws -> [Facts] {
        // Numbers that are not kept pass through this: it is as large as the largest of them, and gone afterwards.
        let passing = indices.filter { plan.places[$0].plainOffset == nil }.map { plan.places[$0].spec.count }
        let region = Region(byteCount: (passing.max() ?? 0) * MemoryLayout<Float>.stride)
        return try indices.map { index in
            let place = plan.places[index]
            let plain = place.plainOffset.map { block + $0 } ?? region.base
            let values = place.spec.matrix(at: plain)
            let isFromFile = try source.loadAll(place.spec, into: values)
            if let packed = packed(place, in: block, owner: nil) { engine.repack(packed, from: values) }
            let hash = WeightHash.of(place.spec) { take in take(UnsafeRawBufferPointer(values.elements)) }
            loaded(place.spec.count)
            return Facts(index: index, hash: hash, isFromFile: isFromFile)
        }
    }

    /// The weights, over memory that has been filled.
    ///
    /// - Parameters:
    ///   - frozen: the block of frozen weights, kept by `owner`.
    ///   - facts: of all frozen weights, each once, whoever loaded them.
    ///   - own: the block of what trains.
    public func weights(
        frozen: UnsafeMutableRawPointer, owner: AnyObject, facts: [Facts], own: Region
    ) -> ModelWeights {
        let ordered = facts.sorted { $0.index < $1.index }
        precondition(
            ordered.map(\.index) == plan.places.indices.filter { !plan.places[$0].trains },
            "facts of \(ordered.count) frozen weights, which are not those of the plan")
        var (byName, trainables) = ([String: Weight](), [Trainable]())
        for place in plan.places {
            let block = place.trains ? own.base : frozen
            let values = place.plainOffset.map { place.spec.matrix(at: block + $0) }
            let packed = packed(place, in: block, owner: place.trains ? own : owner)
            guard place.trains, let values else {
                byName[place.spec.name] = .frozen(Frozen(name: place.spec.name, value: values, packed: packed))
                continue
            }
            let weight = Trainable(name: place.spec.name, value: values, packed: packed, slot: trainables.count)
            trainables.append(weight)
            byName[place.spec.name] = .trainable(weight)
        }
        return ModelWeights(
            plan: plan, source: source, trainables: trainables,
            frozenFromNoFile: ordered.filter { !$0.isFromFile }.map { plan.places[$0.index].spec },
            frozenHash: WeightHash.combined(ordered.map(\.hash)), byName: byName, memory: [owner, own])
    }

    private func packed(_ place: WeightPlan.Place, in block: UnsafeMutableRawPointer, owner: AnyObject?)
        -> PackedMatrix?
    {
        place.packedOffset.map { offset in
            engine.packedMatrix(
                outputs: place.spec.rows, inputs: place.spec.columns, directions: plan.directions,
                storage: block + offset, owner: owner)
        }
    }
}

extension WeightSource {
    /// Fills a weight of one or several tensors.
    ///
    /// - Returns: whether all of them came from a file.
    /// - Throws: `AltaError` where a file lacks a tensor or has another shape.
    func loadAll(_ spec: WeightSpec, into values: Matrix) throws -> Bool {
        var isFromFile = true
        for (part, offset) in ModelWeights.parts(of: spec) {
            let target = UnsafeMutableBufferPointer(start: values.base + offset, count: part.count)
            isFromFile = try load(part, of: spec, into: target) && isFromFile
        }
        return isFromFile
    }
}

extension WeightSpec {
    /// The weight's numbers, from the first on.
    func matrix(at start: UnsafeMutableRawPointer) -> Matrix {
        Matrix(base: start.bindMemory(to: Float.self, capacity: count), rows: rows, columns: columns)
    }
}
