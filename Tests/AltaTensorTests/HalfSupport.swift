import AltaCore
import AltaTensor

/// A bf16 matrix of normal numbers, the same for the same seed.
func normalHalfMatrix(_ arena: Arena, _ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1) -> HalfMatrix {
    let matrix = arena.halfMatrix(rows, columns)
    matrix.copy(from: normalMatrix(arena, rows, columns, seed: seed, scale: scale).toArray())
    return matrix
}

extension HalfMatrix {
    /// The same numbers in fp32: what a naive kernel takes in the place of a bf16 one's operand.
    func widened(_ arena: Arena) -> Matrix {
        let matrix = arena.matrix(rows, columns)
        matrix.copy(from: toArray())
        return matrix
    }

    /// A copy that may be overwritten.
    func copied(_ arena: Arena) -> HalfMatrix {
        let matrix = arena.halfMatrix(rows, columns)
        matrix.copy(from: self)
        return matrix
    }
}

/// The largest difference, relative to the largest magnitude of what is expected; infinite where not finite.
func relativeError(_ got: HalfMatrix, _ expected: Matrix) -> Float {
    relativeError(got.toArray(), expected.toArray())
}

/// The largest excess of the difference over one rounding to bf16, half a unit in the last place of what is expected.
func excessOverRounding(_ got: HalfMatrix, _ expected: Matrix) -> Float {
    zip(got.toArray(), expected.toArray()).reduce(0) { worst, pair in
        guard pair.0.isFinite else { return .infinity }
        return max(worst, abs(pair.0 - pair.1) - BFloat16.roundoff * abs(pair.1))
    }
}

/// The kernels that this processor has: each must agree with the naive one.
let halfKernels: [HalfKernels] = [.widened, .vectors, .tiles].filter { $0 <= .best }
