import AltaCore
import AltaTensor

/// Where the numbers of every weight lie: the frozen ones in one block that ranks may share, the others in a block of the
/// rank's own.
///
/// Of a frozen matrix only the packed copies are kept. Plain numbers stay where operations read them: of vectors, of tables
/// whose rows are looked up, and of what trains (its master copy).
public struct WeightPlan {
    /// A weight's places in its block.
    public struct Place {
        /// The weight.
        public let spec: WeightSpec
        /// Whether it lies in the rank's own block and has a gradient.
        public let trains: Bool
        /// Where its fp32 numbers begin, bytes; nil: they are not kept.
        public let plainOffset: Int?
        /// Where its packed copies begin, bytes; nil: nothing multiplies with it.
        public let packedOffset: Int?
    }

    /// The model's shape.
    public let config: ModelConfig
    /// The weights.
    public let catalog: WeightCatalog
    /// The products that packed weights serve.
    public let directions: PackDirections
    /// A place for each weight, in the order of the catalogue.
    public let places: [Place]
    /// The size of the block of frozen weights, bytes.
    public let frozenByteCount: Int
    /// The size of the block of what trains, bytes.
    public let ownByteCount: Int

    /// Plans a model's memory.
    ///
    /// - Parameter directions: both for training; without a way back, `forward` halves the packed copies.
    public static func make(
        config: ModelConfig, trainable: TrainableSet, adapterInit: AdapterInit = .zero,
        directions: PackDirections = .both, engine: Engine
    ) -> WeightPlan {
        let catalog = WeightCatalog.make(config, adapterInit: adapterInit)
        var (frozen, own) = (BlockLayout(), BlockLayout())
        let places = catalog.specs.map { spec in
            let packedBytes =
                spec.isPacked
                ? engine.packedByteCount(outputs: spec.rows, inputs: spec.columns, directions: directions) : nil
            let trains = spec.trains(in: trainable)
            let plainBytes = trains || spec.needsPlainNumbers ? spec.count * MemoryLayout<Float>.stride : nil
            func take(_ bytes: Int?) -> Int? { bytes.map { trains ? own.take($0) : frozen.take($0) } }
            return Place(spec: spec, trains: trains, plainOffset: take(plainBytes), packedOffset: take(packedBytes))
        }
        return WeightPlan(
            config: config, catalog: catalog, directions: directions, places: places,
            frozenByteCount: frozen.byteCount, ownByteCount: own.byteCount)
    }

    /// The places of what trains.
    public var trainableIndices: [Int] { places.indices.filter { places[$0].trains } }

    /// The frozen weights dealt to `count` ranks that fill a block together, as places in `places`: the largest first,
    /// each to the rank with the least so far.
    public func frozenShares(_ count: Int) -> [[Int]] {
        let frozen = places.indices.filter { !places[$0].trains }
        var (shares, sizes) = ([[Int]](repeating: [], count: count), [Int](repeating: 0, count: count))
        for index in frozen.sorted(by: { (places[$1].spec.count, $0) < (places[$0].spec.count, $1) }) {
            let least = sizes.indices.reduce(0) { sizes[$1] < sizes[$0] ? $1 : $0 }
            shares[least].append(index)
            sizes[least] += places[index].spec.count
        }
        return shares
    }
}

/// Takes pieces of a block one after the other, each aligned as kernels want it.
private struct BlockLayout {
    var byteCount = 0

    mutating func take(_ bytes: Int) -> Int {
        let start = byteCount
        byteCount += (bytes + Region.alignment - 1) & ~(Region.alignment - 1)
        return start
    }
}
