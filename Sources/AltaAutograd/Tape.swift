import AltaCore
import AltaTensor

/// How far a backward sweep is.
public enum SweepProgress: Equatable, Sendable {
    /// The gradient of the parameter in this slot of the ledger is as this tape leaves it.
    case completed(slot: Int)
    /// An operation has run: time to look after other things.
    case operationEnded
}

/// The operations of one forward pass, as a linear array with one reverse sweep.
///
/// Values and gradients live in `arena`; the caller releases them all after the sweep. The gradient of an operation's
/// output is used up by the operation, so its memory serves the next ones of that size.
public final class Tape {
    /// The matrix engine of this rank.
    public let engine: Engine
    /// Where values and gradients live.
    public let arena: Arena
    /// Where parameters' gradients are added up; nil: nothing is recorded.
    public let ledger: GradientLedger?

    private var operations: [any TapeOperation] = []
    private var gradients: [Matrix?] = []
    private var spare: [Shape: [Matrix]] = [:]
    /// For each slot of the ledger, how many operations will still add to it.
    private var uses: [Int]

    /// Gradients serve again for those of their own shape.
    private struct Shape: Hashable {
        let rows: Int
        let columns: Int
    }

    /// A tape that records for `ledger`, or, without one, only computes.
    public init(engine: Engine, arena: Arena, ledger: GradientLedger?) {
        self.engine = engine
        self.arena = arena
        self.ledger = ledger
        uses = Array(repeating: 0, count: ledger?.slotCount ?? 0)
    }

    /// Whether a backward sweep will follow.
    public var isRecording: Bool { ledger != nil }

    /// A value from outside that is not differentiated: patches of an image, frozen embeddings.
    public func constant(_ value: Matrix, studies: Segments) -> Variable {
        variable(value, studies: studies, needsGradient: false)
    }

    /// Runs backward, and tells nobody of it.
    public func backward(seeds: [(Variable, Matrix)]) {
        backward(seeds: seeds) { _ in }
    }

    /// Runs backward from the given gradients and from the losses on the tape, then forgets the operations.
    ///
    /// - Parameters:
    ///   - seeds: gradients of the contrastive losses with respect to embeddings; `[rows, width]` each.
    ///   - progress: hears of every operation, and of every parameter to which nothing on this tape will add any more.
    public func backward(
        seeds: [(Variable, Matrix)], progress: (SweepProgress) throws -> Void
    ) rethrows {
        for (variable, gradient) in seeds where variable.needsGradient {
            addGradient(gradient, to: variable)
        }
        for slot in uses.indices where uses[slot] == 0 { try progress(.completed(slot: slot)) }
        while let operation = operations.popLast() {
            sweep(operation)
            for slot in operation.slots {
                uses[slot] -= 1
                if uses[slot] == 0 { try progress(.completed(slot: slot)) }
            }
            try progress(.operationEnded)
        }
        gradients.removeAll(keepingCapacity: true)
        spare.removeAll(keepingCapacity: true)
    }

    private func sweep(_ operation: any TapeOperation) {
        guard let output = operation.output else { return operation.backward(nil, on: self) }
        // An output that no loss depends on has no gradient, and its inputs get none from here.
        guard let dy = gradients[output] else { return }
        operation.backward(dy, on: self)
        gradients[output] = nil
        spare[Shape(rows: dy.rows, columns: dy.columns), default: []].append(dy)
    }

    // MARK: - For operations

    /// The index that the next variable will have.
    var gradientCount: Int { gradients.count }

    /// The start of a buffer of the arena, which is never nil.
    func pointer<T>(_ buffer: UnsafeMutableBufferPointer<T>) -> UnsafeMutablePointer<T> {
        guard let start = buffer.baseAddress else { preconditionFailure("an empty buffer of the arena") }
        return start
    }

    /// A new variable over `value`.
    func variable(_ value: Matrix, studies: Segments, needsGradient: Bool) -> Variable {
        precondition(value.rows == studies.rows, "\(value.rows) rows, but the studies have \(studies.rows)")
        gradients.append(nil)
        return Variable(
            index: gradients.count - 1, value: value, studies: studies, needsGradient: needsGradient && isRecording)
    }

    /// Keeps an operation for the way back where something below it trains.
    func record(_ operation: @autoclosure () -> any TapeOperation, if needed: Bool) {
        guard needed && isRecording else { return }
        let operation = operation()
        for slot in operation.slots { uses[slot] += 1 }
        operations.append(operation)
    }

    /// Where the gradient of `variable` is to be written, and whether something is there already; nil: not wanted.
    func target(_ variable: Variable) -> (gradient: Matrix, accumulate: Bool)? {
        guard variable.needsGradient else { return nil }
        if let gradient = gradients[variable.index] { return (gradient, true) }
        let (rows, columns) = (variable.value.rows, variable.value.columns)
        let gradient = spare[Shape(rows: rows, columns: columns)]?.popLast() ?? arena.matrix(rows, columns)
        gradients[variable.index] = gradient
        return (gradient, false)
    }

    /// Adds `gradient` times `scale` to the gradient of `variable`, where one is wanted.
    func addGradient(_ gradient: Matrix, to variable: Variable, scale: Float = 1) {
        guard let (target, accumulate) = target(variable) else { return }
        precondition(
            gradient.rows == target.rows && gradient.columns == target.columns,
            "gradient [\(gradient.rows), \(gradient.columns)] for [\(target.rows), \(target.columns)]")
        if accumulate {
            engine.addInto(target, gradient, scale: scale)
        } else if scale == 1 {
            target.copy(from: gradient)
        } else {
            target.fill(0)
            engine.addInto(target, gradient, scale: scale)
        }
    }

    /// The ledger, on the way back.
    var recordingLedger: GradientLedger {
        guard let ledger else { preconditionFailure("a backward operation on a tape that does not record") }
        return ledger
    }
}
