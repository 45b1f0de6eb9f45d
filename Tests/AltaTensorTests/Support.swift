import AltaCore
import AltaTensor

/// A matrix of normal numbers, the same for the same seed.
func normalMatrix(_ arena: Arena, _ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1) -> Matrix {
    let matrix = arena.matrix(rows, columns)
    let key = RandomKey(seed: seed, purpose: .test)
    for e in 0..<matrix.count { matrix.base[e] = Float(scale * key.normal(e)) }
    return matrix
}

/// A matrix without slack among neighbours that must stay as they are.
struct Guarded {
    let whole: Matrix
    let inner: Matrix
    private let before: [Float]
    private let range: Range<Int>

    init(_ arena: Arena, _ rows: Int, _ columns: Int, seed: UInt64) {
        whole = normalMatrix(arena, rows + 20, columns, seed: seed)
        range = 3..<3 + rows
        inner = whole.rows(range)
        before = whole.toArray()
    }

    /// Whether the rows around are as they were.
    var neighboursAreIntact: Bool {
        let now = whole.toArray()
        return (0..<whole.rows).allSatisfy { row in
            let span = row * whole.columns..<(row + 1) * whole.columns
            return range.contains(row) || now[span] == before[span]
        }
    }
}

/// The largest difference, relative to the largest magnitude of what is expected.
func relativeError(_ got: Matrix, _ expected: Matrix) -> Float {
    relativeError(got.toArray(), expected.toArray())
}

/// The largest difference, relative to the largest magnitude of what is expected; infinite where not finite.
func relativeError(_ got: [Float], _ expected: [Float]) -> Float {
    var difference: Float = 0
    for (a, b) in zip(got, expected) {
        guard a.isFinite else { return .infinity }
        difference = max(difference, abs(a - b))
    }
    let size = expected.map(abs).max() ?? 0
    return difference / max(size, 1e-30)
}
