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
/// output is used up by the operation, so its memory serves the next ones of that shape; so does that of a result which
/// nothing will read again, on the way back neither.
public final class Tape {
    /// The matrix engine of this rank.
    public let engine: Engine
    /// Where values and gradients live.
    public let arena: Arena
    /// Where parameters' gradients are added up; nil: nothing is recorded.
    public let ledger: GradientLedger?

    private var operations: [any TapeOperation] = []
    private var gradients: [Operand?] = []
    private var spare: [Shape: [Operand]] = [:]
    /// Gradients of the operation that is being swept which are now those of its inputs.
    private var handedOn: Set<UnsafeMutableRawPointer> = []
    /// For each slot of the ledger, how many operations will still add to it.
    private var uses: [Int]

    /// Memory serves again for what has its own shape.
    private struct Shape: Hashable {
        let rows: Int
        let columns: Int
        let format: NumberFormat

        init(rows: Int, columns: Int, format: NumberFormat) {
            (self.rows, self.columns, self.format) = (rows, columns, format)
        }

        init(_ operand: Operand) {
            self.init(rows: operand.rows, columns: operand.columns, format: operand.format)
        }
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
        variable(Values(full: value, half: nil), studies: studies, needsGradient: false)
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
            addGradient(.full(gradient), to: variable)
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
        let outputs = operation.outputs
        let incoming = outputs.map { gradients[$0] }
        // An output that no loss depends on has no gradient, and its inputs get none from here.
        guard outputs.isEmpty || incoming.contains(where: { $0 != nil }) else { return }
        for output in outputs { gradients[output] = nil }
        operation.backward(incoming, on: self)
        for case let gradient? in incoming where !handedOn.contains(gradient.base) {
            giveBack(gradient)
        }
        handedOn.removeAll(keepingCapacity: true)
    }

    // MARK: - For operations

    /// The index that the next variable will have.
    var gradientCount: Int { gradients.count }

    /// The start of a buffer of the arena, which is never nil.
    func pointer<T>(_ buffer: UnsafeMutableBufferPointer<T>) -> UnsafeMutablePointer<T> {
        guard let start = buffer.baseAddress else { preconditionFailure("an empty buffer of the arena") }
        return start
    }

    /// Uninitialised numbers `[rows, columns]` of a result.
    func values(_ rows: Int, _ columns: Int, _ storage: Storage) -> Values {
        let keepsFull = engine.format == .full || storage != .products
        let keepsHalf = engine.format == .half && storage != .sums
        return Values(
            full: keepsFull ? operand(rows, columns, .full).matrix : nil,
            half: keepsHalf ? operand(rows, columns, .half).halfMatrix : nil)
    }

    /// Uninitialised numbers: memory that serves again where there is some of that shape.
    private func operand(_ rows: Int, _ columns: Int, _ format: NumberFormat) -> Operand {
        spare[Shape(rows: rows, columns: columns, format: format)]?.popLast() ?? arena.operand(rows, columns, format)
    }

    /// Gives the memory of numbers back that no operation will read again, on the way back neither.
    func giveBack(_ numbers: Operand) { spare[Shape(numbers), default: []].append(numbers) }

    /// A new variable over `values`; rounds them for products where both formats are kept.
    func variable(_ values: Values, studies: Segments, needsGradient: Bool) -> Variable {
        precondition(
            values.operand.rows == studies.rows, "\(values.operand.shape), but the studies have \(studies.rows) rows")
        if let full = values.full, let half = values.half { engine.convert(full, into: half) }
        return variable(complete: values, studies: studies, needsGradient: needsGradient)
    }

    /// A new variable over `values`, which are there in every format that is kept.
    func variable(complete values: Values, studies: Segments, needsGradient: Bool) -> Variable {
        gradients.append(nil)
        return Variable(
            index: gradients.count - 1, values: values, studies: studies, needsGradient: needsGradient && isRecording)
    }

    /// Keeps an operation for the way back where something below it trains.
    func record(_ operation: @autoclosure () -> any TapeOperation, if needed: Bool) {
        guard needed && isRecording else { return }
        let operation = operation()
        for slot in operation.slots { uses[slot] += 1 }
        operations.append(operation)
    }

    /// Where the gradient of `variable` is to be written, and whether something is there already; nil: not wanted.
    func target(_ variable: Variable) -> (gradient: Operand, accumulate: Bool)? {
        guard variable.needsGradient else { return nil }
        if let gradient = gradients[variable.index] { return (gradient, true) }
        let primary = variable.values.primary
        let gradient = operand(primary.rows, primary.columns, primary.format)
        gradients[variable.index] = gradient
        return (gradient, false)
    }

    /// Whether something has been added to the gradient of `variable`.
    func hasGradient(_ variable: Variable) -> Bool { variable.needsGradient && gradients[variable.index] != nil }

    /// Lets `compute` write or add to the fp32 gradient of `variable`, where one is wanted; it is rounded where the
    /// variable's gradient is kept in bf16.
    func addFullGradient(to variable: Variable, _ compute: (_ target: Matrix, _ accumulate: Bool) -> Void) {
        guard let (target, accumulate) = target(variable) else { return }
        guard case .half(let half) = target else { return compute(target.matrix, accumulate) }
        engine.scratch.scoped {
            let sum = engine.scratch.matrix(half.rows, half.columns)
            if accumulate { engine.convert(half, into: sum) }
            compute(sum, accumulate)
            engine.convert(sum, into: half)
        }
    }

    /// Adds `gradient` times `scale` to the gradient of `variable`, where one is wanted.
    func addGradient(_ gradient: Operand, to variable: Variable, scale: Float = 1) {
        guard let (target, accumulate) = target(variable) else { return }
        engine.add(gradient, scale: scale, into: target, accumulate: accumulate)
    }

    /// Adds an output's gradient to that of an input. Where it is the first, it serves itself, without a copy: to be
    /// called when the operation needs the gradient no more, and for one input only.
    func handOn(_ gradient: Operand, to variable: Variable) {
        guard variable.needsGradient, gradients[variable.index] == nil, variable.gradientFormat == gradient.format
        else { return addGradient(gradient, to: variable) }
        gradients[variable.index] = gradient
        handedOn.insert(gradient.base)
    }

    /// The ledger, on the way back.
    var recordingLedger: GradientLedger {
        guard let ledger else { preconditionFailure("a backward operation on a tape that does not record") }
        return ledger
    }
}
