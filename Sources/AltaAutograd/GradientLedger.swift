import AltaCore
import AltaTensor

/// How gradients are added up.
public enum GradientSum: Sendable {
    /// One partial per study, added as int64 fixed point: the same bits at any rank count, micro-batch and order.
    case orderFree
    /// fp32, a micro-batch at a time: cheaper, and the last bits depend on how the batch was cut.
    case floating
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
    private let fixedRegion: Region?
    private let floatRegion: Region

    /// A ledger for parameters of these shapes, all sums zero. `fixedRegion` and `floatRegion` come from `make`.
    init(
        sum: GradientSum, shapes: [(rows: Int, columns: Int)], offsets: [Int], largestPartial: Float,
        engine: Engine, fixedRegion: Region?, floatRegion: Region
    ) {
        self.sum = sum
        self.shapes = shapes
        self.offsets = offsets
        self.largestPartial = largestPartial
        self.engine = engine
        self.fixedRegion = fixedRegion
        self.floatRegion = floatRegion
    }

    /// The partials of one parameter that a study gives at most: word embeddings are an input and an output matrix.
    static let partialsPerStudy = 2

    /// A ledger for parameters of these shapes (slot i has `shapes[i]`), all sums zero.
    ///
    /// - Parameter globalBatch: the studies whose partials are added up, over all micro-batches and ranks. A partial may
    ///   be 2^19 / (2 globalBatch) large; losses are means over that batch, so partials shrink as it grows.
    public static func make(
        sum: GradientSum, shapes: [(rows: Int, columns: Int)], globalBatch: Int, engine: Engine
    ) -> GradientLedger {
        precondition(globalBatch > 0, "a global batch of \(globalBatch) studies")
        let offsets = Segments(lengths: shapes.map { $0.rows * $0.columns }).offsets
        let count = offsets[offsets.count - 1]
        let ledger = GradientLedger(
            sum: sum, shapes: shapes, offsets: offsets,
            largestPartial: 0x1p19 / Float(partialsPerStudy * globalBatch), engine: engine,
            fixedRegion: sum == .orderFree ? Region(byteCount: max(count, 1) * 8) : nil,
            floatRegion: Region(byteCount: max(count, 1) * 4))
        ledger.reset()
        return ledger
    }

    /// How many numbers the gradient has.
    public var count: Int { offsets[offsets.count - 1] }

    /// The int64 sums that ranks add up; nil where sums are floating.
    public var fixedPoint: UnsafeMutableBufferPointer<Int64>? {
        fixedRegion.map { UnsafeMutableBufferPointer(start: $0.base.assumingMemoryBound(to: Int64.self), count: count) }
    }

    /// The fp32 gradient, valid as long as the ledger lives: the sums themselves where they are floating, else what `settle` made of them.
    public var floats: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: floatRegion.base.assumingMemoryBound(to: Float.self), count: count)
    }

    /// Where `floats` begins.
    public var pointer: UnsafePointer<Float> { UnsafePointer(floatRegion.base.assumingMemoryBound(to: Float.self)) }

    /// The fp32 gradient of one parameter.
    public func gradient(_ slot: Int) -> Matrix {
        guard let start = floats.baseAddress else { preconditionFailure("an empty ledger has no slot \(slot)") }
        return Matrix(base: start + offsets[slot], rows: shapes[slot].rows, columns: shapes[slot].columns)
    }

    /// Sets every sum to zero before a step.
    public func reset() {
        isFinite = true
        firstBadSlot = nil
        floats.update(repeating: 0)
        fixedPoint?.update(repeating: 0)
    }

    /// Makes the fp32 gradient from the int64 sums, after ranks have added theirs up.
    public func settle() {
        guard let fixed = fixedPoint?.baseAddress, let target = floats.baseAddress else { return }
        engine.fixedPointToFloat(fixed, count: count, into: target)
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
        guard let fixed = fixedPoint?.baseAddress else {
            compute(gradient(weight.slot), true)
            return
        }
        let mark = engine.scratch.mark
        let shape = shapes[weight.slot]
        let partial = engine.scratch.matrix(shape.rows, shape.columns)
        compute(partial, false)
        let count = shape.rows * shape.columns
        if !engine.addFixedPoint(
            partial.base, count: count, limit: largestPartial, into: fixed + offsets[weight.slot])
        {
            isFinite = false
            firstBadSlot = firstBadSlot ?? weight.slot
        }
        engine.scratch.release(to: mark)
    }

    /// Adds a partial that is zero but for what `compute` adds to it.
    func addSparse(to weight: Trainable, _ compute: (_ target: Matrix) -> Void) {
        add(to: weight) { target, accumulate in
            if !accumulate { target.fill(0) }
            compute(target)
        }
    }
}
