import AltaCore
import AltaTensor

/// How gradients are added up.
public enum GradientSum: Sendable {
    /// One partial per study, added as int64 fixed point: the same bits at any rank count, micro-batch and order.
    case orderFree
    /// fp32, a micro-batch at a time: cheaper, and the last bits depend on how the batch was cut.
    case floating
}

/// The memory of a ledger: its own, or a place that ranks share.
public struct GradientStorage {
    /// Where partials are added up: as many int64 where sums are order-free, else floats; zero at first.
    public let partials: UnsafeMutableRawPointer
    /// Where the fp32 gradient is; the same place as `partials` where sums are floating and no ranks add theirs.
    public let floats: UnsafeMutablePointer<Float>
    /// What the memory lives as long as.
    public let owner: AnyObject

    /// Stores the places.
    public init(partials: UnsafeMutableRawPointer, floats: UnsafeMutablePointer<Float>, owner: AnyObject) {
        self.partials = partials
        self.floats = floats
        self.owner = owner
    }

    /// Memory for `count` numbers that nobody else sees.
    static func own(_ sum: GradientSum, count: Int) -> GradientStorage {
        let floatBytes = max(count, 1) * MemoryLayout<Float>.stride
        let (line, units) = (Region.alignment, sum == .orderFree ? max(count, 1) * MemoryLayout<Int64>.stride : 0)
        let fixedBytes = (units + line - 1) & ~(line - 1)
        let region = Region(byteCount: fixedBytes + floatBytes)
        return GradientStorage(
            partials: region.base, floats: (region.base + fixedBytes).assumingMemoryBound(to: Float.self),
            owner: region)
    }
}

/// Where every parameter's gradient is added up over studies, micro-batches and, by the caller, ranks.
///
/// Fixed point has a unit of 2^-44, so a sum is exact to 6e-14 and wraps at 2^19. A partial that is not finite, or not below
/// `largestPartial`, is refused and remembered in `isFinite`; so the sum over a global batch cannot wrap.
public final class GradientLedger {
    /// How gradients are added up.
    public let sum: GradientSum
    /// Where each slot begins, and at last the total number of elements.
    public let offsets: [Int]
    /// What every partial must stay below where sums are order-free.
    public let largestPartial: Float
    /// False once a partial was not finite or out of range.
    public private(set) var isFinite = true
    /// The slot of the first refused partial, for the message.
    public private(set) var firstBadSlot: Int?

    private let engine: Engine
    private let shapes: [(rows: Int, columns: Int)]
    private let storage: GradientStorage
    /// The slots to which nothing more may be added before `reset`: other ranks may be reading them.
    private var isClosed: [Bool]
    /// The slots whose partials are this step's: the first one is stored, so that nothing has to be cleared before.
    private var isWritten: [Bool]

    /// Stores the parts; `make` assembles them.
    init(
        sum: GradientSum, shapes: [(rows: Int, columns: Int)], offsets: [Int], largestPartial: Float,
        engine: Engine, storage: GradientStorage
    ) {
        self.sum = sum
        self.shapes = shapes
        self.offsets = offsets
        self.largestPartial = largestPartial
        self.engine = engine
        self.storage = storage
        isClosed = Array(repeating: false, count: shapes.count)
        isWritten = isClosed
    }

    /// The partials of one parameter that a study gives at most: word embeddings are an input and an output matrix.
    static let partialsPerStudy = 2

    /// A ledger for parameters of these shapes (slot i has `shapes[i]`), all sums zero.
    ///
    /// - Parameters:
    ///   - globalBatch: the studies whose partials are added up, over all micro-batches and ranks. A partial may be
    ///     2^19 / (2 globalBatch) large; losses are means over that batch, so partials shrink as it grows.
    ///   - storage: where the numbers are; nil: in memory of the ledger's own.
    public static func make(
        sum: GradientSum, shapes: [(rows: Int, columns: Int)], globalBatch: Int, engine: Engine,
        storage: GradientStorage? = nil
    ) -> GradientLedger {
        precondition(globalBatch > 0, "a global batch of \(globalBatch) studies")
        let offsets = Segments(lengths: shapes.map { $0.rows * $0.columns }).offsets
        let count = offsets[offsets.count - 1]
        return GradientLedger(
            sum: sum, shapes: shapes, offsets: offsets,
            largestPartial: 0x1p19 / Float(partialsPerStudy * globalBatch), engine: engine,
            storage: storage ?? .own(sum, count: count))
    }

    /// The slot with a partial of this ledger's own that is not finite: the first that was refused, or, where sums are
    /// floating and nothing is refused, the first in order. nil: there is none. Reads every floating sum; for messages.
    public var firstNotFinite: Int? {
        guard sum == .floating else { return isFinite ? nil : firstBadSlot ?? 0 }
        let partials = storage.partials.assumingMemoryBound(to: Float.self)
        return isWritten.indices.first { slot in
            isWritten[slot] && (offsets[slot]..<offsets[slot + 1]).contains { !partials[$0].isFinite }
        }
    }

    /// How many parameters there are.
    public var slotCount: Int { shapes.count }

    /// How many numbers the gradient has.
    public var count: Int { offsets[offsets.count - 1] }

    /// The int64 sums that ranks add up; nil where sums are floating.
    public var fixedPoint: UnsafeMutableBufferPointer<Int64>? {
        guard sum == .orderFree else { return nil }
        clearRest()
        return UnsafeMutableBufferPointer(start: storage.partials.assumingMemoryBound(to: Int64.self), count: count)
    }

    /// The fp32 gradient, valid as long as the ledger lives: the sums themselves where they are floating, else what `settle` made of them.
    public var floats: UnsafeMutableBufferPointer<Float> {
        if sum == .floating { clearRest() }
        return UnsafeMutableBufferPointer(start: storage.floats, count: count)
    }

    /// Where `floats` begins.
    public var pointer: UnsafePointer<Float> { UnsafePointer(storage.floats) }

    /// The fp32 gradient of one parameter.
    public func gradient(_ slot: Int) -> Matrix {
        if sum == .floating { clear(slot) }
        return Matrix(base: storage.floats + offsets[slot], rows: shapes[slot].rows, columns: shapes[slot].columns)
    }

    /// Makes every sum of partials zero before a step. Where sums are order-free, `floats` stays until it is made again.
    public func reset() {
        isFinite = true
        firstBadSlot = nil
        for slot in isClosed.indices {
            isClosed[slot] = false
            isWritten[slot] = false
        }
    }

    /// Tells that nothing will be added to a parameter's gradient before `reset`; whoever does, traps.
    public func close(_ slot: Int) {
        clear(slot)
        isClosed[slot] = true
    }

    /// Writes the zeros of a slot that nothing was added to.
    private func clear(_ slot: Int) {
        guard !isWritten[slot] else { return }
        isWritten[slot] = true
        let stride = sum == .orderFree ? MemoryLayout<Int64>.stride : MemoryLayout<Float>.stride
        let shape = shapes[slot]
        (storage.partials + offsets[slot] * stride).initializeMemory(
            as: UInt8.self, repeating: 0, count: shape.rows * shape.columns * stride)
    }

    private func clearRest() {
        for slot in isWritten.indices { clear(slot) }
    }

    /// Makes the fp32 gradient from the int64 sums, after ranks have added theirs up.
    public func settle() {
        guard let fixed = fixedPoint?.baseAddress else { return clearRest() }
        engine.fixedPointToFloat(fixed, count: count, into: storage.floats)
    }

    /// The row ranges that must be added separately: each study's rows, or all rows at once where sums are floating.
    func blocks(of studies: Segments) -> [Range<Int>] {
        switch sum {
        case .orderFree: (0..<studies.count).map { studies[$0] }.filter { !$0.isEmpty }
        case .floating: studies.rows > 0 ? [0..<studies.rows] : []
        }
    }

    /// Adds one partial gradient. `compute` either overwrites its matrix (`accumulate` false) or adds to it.
    func add(to weight: Trainable, _ compute: (_ target: Matrix, _ accumulate: Bool) -> Void) {
        precondition(!isClosed[weight.slot], "a gradient of \(weight.name) after its sum was closed")
        let (shape, isFirst) = (shapes[weight.slot], !isWritten[weight.slot])
        isWritten[weight.slot] = true
        guard sum == .orderFree else {
            let partials = storage.partials.assumingMemoryBound(to: Float.self)
            let target = Matrix(base: partials + offsets[weight.slot], rows: shape.rows, columns: shape.columns)
            return compute(target, !isFirst)
        }
        let mark = engine.scratch.mark
        let partial = engine.scratch.matrix(shape.rows, shape.columns)
        compute(partial, false)
        let count = shape.rows * shape.columns
        let sums = storage.partials.assumingMemoryBound(to: Int64.self) + offsets[weight.slot]
        if !engine.addFixedPoint(partial.base, count: count, limit: largestPartial, into: sums, isFirst: isFirst) {
            isFinite = false
            firstBadSlot = firstBadSlot ?? weight.slot
        }
        engine.scratch.release(to: mark)
    }

    /// Adds the whole gradient of a parameter of one number: the only one of the global batch, so it may be larger.
    public func add(_ value: Float, to weight: Trainable) {
        precondition(!isClosed[weight.slot], "a gradient of \(weight.name) after its sum was closed")
        let offset = offsets[weight.slot]
        clear(weight.slot)
        guard sum == .orderFree else {
            storage.partials.assumingMemoryBound(to: Float.self)[offset] += value
            return
        }
        let sums = storage.partials.assumingMemoryBound(to: Int64.self) + offset
        let isGood = withUnsafePointer(to: value) { engine.addFixedPoint($0, count: 1, into: sums) }
        if !isGood {
            isFinite = false
            firstBadSlot = firstBadSlot ?? weight.slot
        }
    }

    /// Adds a partial that is zero but for what `compute` adds to it.
    func addSparse(to weight: Trainable, _ compute: (_ target: Matrix) -> Void) {
        add(to: weight) { target, accumulate in
            if !accumulate { target.fill(0) }
            compute(target)
        }
    }
}
