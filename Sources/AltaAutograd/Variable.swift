import AltaCore
import AltaTensor

/// Which numbers of an operation's result are kept. An engine of full format keeps fp32 whatever is asked for.
public enum Storage: Sendable {
    /// What only products read, in the engine's format; its gradient has that format too.
    case products
    /// What sums, norms and losses read: fp32.
    case sums
    /// Both; the gradient is fp32.
    case both
}

/// The numbers of a result, in one format or in both.
struct Values {
    let full: Matrix?
    let half: HalfMatrix?

    /// What an operation computes: fp32 where that is kept.
    var primary: Operand {
        if let full { return .full(full) }
        return operand
    }

    /// What products read: bf16 where that is kept.
    var operand: Operand {
        if let half { return .half(half) }
        guard let full else { preconditionFailure("a result without numbers") }
        return .full(full)
    }
}

/// A matrix on the tape.
public struct Variable {
    /// Its number on the tape.
    let index: Int
    /// The numbers `[rows, width]`, in the tape's arena.
    let values: Values
    /// Which rows belong to which study of the micro-batch: parameters take their gradient study by study.
    public let studies: Segments
    /// Whether anything that trains lies below it.
    public let needsGradient: Bool

    /// The fp32 numbers; traps for a result that only products read in an engine of half format.
    public var value: Matrix {
        guard let full = values.full else { preconditionFailure("\(operand.shape) was kept for products alone") }
        return full
    }

    /// What products read.
    public var operand: Operand { values.operand }

    /// The number of rows.
    public var rows: Int { operand.rows }

    /// The width.
    public var columns: Int { operand.columns }

    /// The format of its gradient: a sum of several terms is fp32 where its values are.
    var gradientFormat: NumberFormat { values.primary.format }
}

/// One operation, as the tape keeps it for the way back.
protocol TapeOperation {
    /// The variables it made; none where the operation ends in a loss.
    var outputs: [Int] { get }
    /// The weights to whose gradient `backward` adds, each once. A gradient is taken to be complete when all operations
    /// that name its weight have run.
    var parameters: [Weight] { get }
    /// Adds to the gradients of its inputs and parameters. `gradients`: those of the outputs, `[rows, width]`; at least
    /// one is there where there are outputs.
    func backward(_ gradients: [Operand?], on tape: Tape)
}

extension TapeOperation {
    /// Most operations have none.
    var parameters: [Weight] { [] }

    /// The ledger's slots of those parameters that train.
    var slots: [Int] { parameters.compactMap { $0.trainable?.slot } }
}
