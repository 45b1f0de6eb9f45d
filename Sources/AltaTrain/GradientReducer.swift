import AltaAutograd
import AltaComm
import AltaCore
import AltaModel
import AltaTensor

/// Adds the gradients of all ranks up, in buckets that begin while the last backward sweep is under way.
///
/// The ledger writes its partials into memory that the ranks of a node share (`NodeReduction`): nothing is copied in, and
/// the fp32 gradient that comes out is one for the node. Each slice's leader makes it, with the squares for its norm, as
/// soon as the slice is summed. On a lone rank all of this runs too, in private memory.
public final class GradientReducer {
    /// Where this rank's gradients are added up, and where the result is.
    public let ledger: GradientLedger
    /// Seconds that the reduction took from the last sweep.
    public private(set) var secondsInSweep = 0.0
    /// What is told of the work within the sweep; nil: nobody wants to know.
    var timeline: Timeline?

    private let reduction: any BucketReduction
    private let settle: (Range<Int>) -> Void
    private let squares: UnsafeMutableBufferPointer<Double>
    private var readiness: BucketReadiness

    /// Stores the parts; `make` assembles them.
    init(
        ledger: GradientLedger, reduction: any BucketReduction, squares: UnsafeMutableBufferPointer<Double>,
        settle: @escaping (Range<Int>) -> Void
    ) {
        self.ledger = ledger
        self.reduction = reduction
        self.squares = squares
        self.settle = settle
        readiness = BucketReadiness(buckets: reduction.buckets, offsets: ledger.offsets)
    }

    /// Empties this rank's sums. Collective: waits for ranks that still read the last ones.
    ///
    /// A step from which all ranks turn back before the first `advance` needs no `finish`: the next `begin` gives it up.
    public func begin() throws {
        try reduction.begin()
        ledger.reset()
        readiness.reset()
        secondsInSweep = 0
    }

    /// What the last sweep of a step tells: begins with the buckets that are complete. Not collective.
    public func advance(_ progress: SweepProgress) throws {
        switch progress {
        case .completed(let slot):
            ledger.close(slot)
            reduction.announce(readiness.complete(slot))
        case .operationEnded:
            let start = ContinuousClock.now
            guard try reduction.advance(settle) else { return }
            let end = ContinuousClock.now
            secondsInSweep += (end - start) / .seconds(1)
            timeline?.add("sum of gradients", .reduction, from: start, to: end)
        }
    }

    /// Leaves the sum over all ranks in the ledger's `floats`, on every rank. Collective.
    ///
    /// - Returns: the Euclidean norm of the gradient, the same bits on every rank at any number of ranks; not finite
    ///   where a sum is not.
    public func finish() throws -> Double {
        for slot in 0..<ledger.slotCount { ledger.close(slot) }
        try reduction.finish(settle)
        return squares.reduce(0, +).squareRoot()
    }

    /// Seconds of the last `finish` that this rank waited for slower ones of its node.
    public var secondsWaited: Double { reduction.secondsWaited }

    /// Gives the memory back. Collective; the ledger may not be used afterwards.
    public func free() throws { try reduction.free() }
}

extension GradientReducer {
    /// The bytes of a bucket: large enough that messages between nodes are not dominated by latency (4 MiB of MPI_Allreduce
    /// were the fastest of 0.5 to 25 MiB), small enough that most of the work is done when the sweep ends.
    public static let bucketByteCount = 4 << 20

    /// A reducer with a ledger for parameters of these shapes, all sums zero. Collective; once for a run.
    ///
    /// - Parameters:
    ///   - nodes: what counts as a node.
    ///   - bucketByteCount: bytes of this rank's sums that are reduced at once.
    ///   - notice: is told, on every rank, where memory cannot be shared.
    public static func make(
        sum: GradientSum, shapes: [(rows: Int, columns: Int)], globalBatch: Int, engine: Engine,
        collectives: any Collectives, nodes: NodeSplit = .byMemory, bucketByteCount: Int = bucketByteCount,
        notice: (String) -> Void
    ) throws -> GradientReducer {
        let count = shapes.reduce(0) { $0 + $1.rows * $1.columns }
        let blocks = (count + Engine.settleBlock - 1) / Engine.settleBlock
        let line = Region.alignment
        let squareBytes = (max(blocks, 1) * MemoryLayout<Double>.stride + line - 1) & ~(line - 1)
        func reduce<E: CollectiveElement>(_ type: E.Type, commonByteCount: Int) throws -> NodeReduction<E> {
            try NodeReduction<E>.make(
                collectives, by: nodes, count: count,
                buckets: BucketReadiness.buckets(count: count, elements: bucketByteCount / MemoryLayout<E>.stride),
                block: Engine.settleBlock, commonByteCount: commonByteCount, notice: notice)
        }
        func assemble(_ place: ReducedGradient, _ reduction: any BucketReduction) -> GradientReducer {
            GradientReducer(
                ledger: .make(
                    sum: sum, shapes: shapes, globalBatch: globalBatch, engine: engine, storage: place.storage),
                reduction: reduction, squares: UnsafeMutableBufferPointer(start: place.squares, count: blocks),
                settle: place.settle)
        }
        switch sum {
        case .orderFree:
            let reduction = try reduce(
                Int64.self, commonByteCount: squareBytes + max(count, 1) * MemoryLayout<Float>.stride)
            return assemble(.ofUnits(reduction, squareBytes: squareBytes, engine: engine), reduction)
        case .floating:
            let reduction = try reduce(Float.self, commonByteCount: squareBytes)
            return assemble(.ofFloats(reduction, engine: engine), reduction)
        }
    }
}

extension GradientReducer {
    /// A reducer for what trains in a model of this shape, in the order of its catalogue. Collective.
    static func make(
        sum: GradientSum, model: ModelConfig, trainable: TrainableSet, globalBatch: Int, context: RankContext,
        notice: (String) -> Void
    ) throws -> GradientReducer {
        let specs = WeightCatalog.make(model).specs.filter { $0.trains(in: trainable) }
        return try make(
            sum: sum, shapes: specs.map { ($0.rows, $0.columns) }, globalBatch: globalBatch, engine: context.engine,
            collectives: context.collectives, nodes: context.nodes
        ) { text in if context.isFirst { notice(text) } }
    }
}

/// Where the gradient of a step lies in shared memory, and how a summed slice becomes part of it.
private struct ReducedGradient {
    let storage: GradientStorage
    /// `[blocks]`: sums of squares.
    let squares: UnsafeMutablePointer<Double>
    let settle: (Range<Int>) -> Void

    /// Int64 sums become floats beside them.
    static func ofUnits(_ reduction: NodeReduction<Int64>, squareBytes: Int, engine: Engine) -> ReducedGradient {
        let common = start(reduction.common)
        let squares = common.assumingMemoryBound(to: Double.self)
        let floats = (common + squareBytes).assumingMemoryBound(to: Float.self)
        let sums = start(reduction.sum)
        return ReducedGradient(
            storage: GradientStorage(
                partials: UnsafeMutableRawPointer(start(reduction.own)), floats: floats, owner: reduction),
            squares: squares
        ) { range in
            engine.settle(
                sums + range.lowerBound, count: range.count, into: floats + range.lowerBound,
                squares: squares + range.lowerBound / Engine.settleBlock)
        }
    }

    /// Float sums are the gradient.
    static func ofFloats(_ reduction: NodeReduction<Float>, engine: Engine) -> ReducedGradient {
        let squares = start(reduction.common).assumingMemoryBound(to: Double.self)
        let sums = start(reduction.sum)
        return ReducedGradient(
            storage: GradientStorage(
                partials: UnsafeMutableRawPointer(start(reduction.own)), floats: sums, owner: reduction),
            squares: squares
        ) { range in
            engine.blockSquares(
                sums + range.lowerBound, count: range.count,
                into: squares + range.lowerBound / Engine.settleBlock)
        }
    }

    private static func start(_ bytes: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawPointer {
        guard let base = bytes.baseAddress else { preconditionFailure("no shared memory") }
        return base
    }

    private static func start<E>(_ elements: UnsafeMutableBufferPointer<E>) -> UnsafeMutablePointer<E> {
        guard let base = elements.baseAddress else { preconditionFailure("no shared memory") }
        return base
    }
}
