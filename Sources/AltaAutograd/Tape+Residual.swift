import AltaCore
import AltaTensor

/// What a block adds to its stream: `scale` times a branch, of which a share is dropped.
public struct Branch {
    /// `[rows, width]`.
    public let variable: Variable
    /// What it is multiplied by.
    public let scale: Float
    /// nil: nothing is dropped.
    public let dropout: RowDropout?
    /// Whether only the sum reads it: its memory then serves again. A product's result is not read on the way back.
    public let isTemporary: Bool

    /// Stores the parts.
    public init(_ variable: Variable, scale: Float = 1, dropout: RowDropout? = nil, isTemporary: Bool = false) {
        self.isTemporary = isTemporary
        self.variable = variable
        self.scale = scale
        self.dropout = dropout
    }
}

/// The stream between blocks, with the branches that are yet to be added to it: what adds them can normalise the sum in
/// the same pass over memory.
public struct ResidualStream {
    /// `[rows, width]`, kept in fp32.
    public let base: Variable
    /// What is to be added.
    public let branches: [Branch]
    /// Whether only this sum still reads the base's fp32 numbers: where products read bf16, their memory then serves again.
    /// The result of a norm or of `sum` is not read on the way back.
    public let endsBase: Bool

    /// A stream with branches that are not added yet.
    public init(_ base: Variable, adding branches: [Branch] = [], endsBase: Bool = false) {
        self.endsBase = endsBase
        self.base = base
        self.branches = branches
    }

    var needsGradient: Bool { base.needsGradient || branches.contains { $0.variable.needsGradient } }
}

extension Tape {
    /// The stream with its branches added: fp32, and bf16 where products read it.
    public func sum(_ stream: ResidualStream, storage: Storage = .sums) -> Variable {
        precondition(storage != .products, "a stream is kept in fp32")
        guard !stream.branches.isEmpty else { return stream.base }
        let values = values(stream.base.rows, stream.base.columns, storage)
        engine.addBranches(stream, into: values.primary.matrix)
        giveBack(stream)
        let z = variable(values, studies: stream.base.studies, needsGradient: stream.needsGradient)
        record(SumOperation(stream: stream, z: z.index), if: z.needsGradient)
        return z
    }

    /// The stream with its branches added, and its layer normalisation.
    ///
    /// - Parameter storage: who reads the normalised rows; the sum is fp32.
    public func sumAndNorm(
        _ stream: ResidualStream, _ norm: NormWeights, storage: Storage = .products
    ) -> (sum: Variable, normed: Variable) {
        guard let branches = FusedBranches(stream, engine) else {
            let sum = sum(stream)
            return (sum, layerNorm(sum, norm, storage: storage))
        }
        return fusedSumAndNorm(stream, branches, norm, storage: storage)
    }
}

extension Tape {
    /// Gives back what nothing reads once the stream is added up.
    func giveBack(_ stream: ResidualStream) {
        for branch in stream.branches where branch.isTemporary {
            if let full = branch.variable.values.full { giveBack(.full(full)) }
            if let half = branch.variable.values.half { giveBack(.half(half)) }
        }
        guard stream.endsBase, engine.format == .half, let full = stream.base.values.full else { return }
        giveBack(.full(full))
    }
}

private struct SumOperation: TapeOperation {
    let stream: ResidualStream
    let z: Int
    var outputs: [Int] { [z] }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dz = gradients[0] else { return }
        for branch in stream.branches {
            guard let (gradient, accumulate) = tape.target(branch.variable) else { continue }
            tape.engine.branchGradient(
                dz.matrix, scale: branch.scale, dropout: branch.dropout, into: gradient, accumulate: accumulate)
        }
        tape.handOn(dz, to: stream.base)
    }
}

extension Engine {
    /// `z = x + scale drop(y) + ...`.
    func addBranches(_ stream: ResidualStream, into z: Matrix) {
        var sum = stream.base.value
        for branch in stream.branches {
            addBranch(sum, branch.variable.values.primary, scale: branch.scale, dropout: branch.dropout, into: z)
            sum = z
        }
    }
}
