import AltaCore
import AltaTensor

/// A matrix on the tape.
public struct Variable {
    /// Its number on the tape.
    let index: Int
    /// The values `[rows, width]`, in the tape's arena.
    public let value: Matrix
    /// Which rows belong to which study of the micro-batch: parameters take their gradient study by study.
    public let studies: Segments
    /// Whether anything that trains lies below it.
    public let needsGradient: Bool
}

/// One operation, as the tape keeps it for the way back.
protocol TapeOperation {
    /// The variable it made, whose gradient it takes; nil where the operation ends in a loss.
    var output: Int? { get }
    /// The weights to whose gradient `backward` adds, each once. A gradient is taken to be complete when all operations
    /// that name its weight have run.
    var parameters: [Weight] { get }
    /// Adds to the gradients of its inputs and parameters. `dy`: the gradient of the output, `[rows, width]`.
    func backward(_ dy: Matrix?, on tape: Tape)
}

extension TapeOperation {
    /// Most operations have none.
    var parameters: [Weight] { [] }

    /// The ledger's slots of those parameters that train.
    var slots: [Int] { parameters.compactMap { $0.trainable?.slot } }
}
