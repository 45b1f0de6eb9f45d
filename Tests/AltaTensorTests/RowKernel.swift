import AltaTensor
import Testing

/// Widths with and without a vector tail, one above the vector width of every target.
let oddWidths = [1, 3, 17, 64, 65, 768]

/// A kernel that maps rows to rows, fast and naive, with what varies between kernels closed over.
struct RowKernel {
    let name: String
    let tolerance: Float
    /// (engine, x, dy, result)
    let fast: (Engine, Matrix, Matrix, Matrix) -> Void
    let naive: (Matrix, Matrix, Matrix) -> Void

    /// Fast equals naive; the bits of rows are the same on two threads, alone, and in place; neighbours stay.
    func check(width: Int, inPlace: Bool = true) throws {
        let one = try Engine(threads: 1)
        let two = try Engine(threads: 2)
        let arena = Arena()
        // Enough rows that two threads share them at the larger widths.
        let rows = 131
        let x = normalMatrix(arena, rows, width, seed: 1, scale: 2)
        let dy = normalMatrix(arena, rows, width, seed: 2)
        let results = (0..<4).map { _ in normalMatrix(arena, rows, width, seed: 3) }
        naive(x, dy, results[0])
        fast(one, x, dy, results[1])
        fast(two, x, dy, results[2])
        #expect(relativeError(results[1], results[0]) < tolerance, "\(name), \(width) wide")
        #expect(results[1].hasBits(of: results[2]), "\(name), \(width) wide, on two threads")
        for range in [0..<1, 60..<63, 130..<131] {
            let guarded = Guarded(arena, range.count, width, seed: 4)
            guarded.inner.copy(from: results[3].rows(range))
            fast(one, x.rows(range), dy.rows(range), guarded.inner)
            #expect(guarded.inner.hasBits(of: results[1].rows(range)), "\(name), \(width) wide, rows \(range)")
            #expect(guarded.neighboursAreIntact, "\(name), \(width) wide, rows \(range)")
        }
        guard inPlace else { return }
        let target = arena.matrix(rows, width)
        target.copy(from: dy)
        fast(one, x, target, target)
        #expect(target.hasBits(of: results[1]), "\(name), \(width) wide, over its gradient")
    }
}

extension Matrix {
    /// The columns of row 0 as a parameter vector.
    var vector: UnsafePointer<Float> { UnsafePointer(base) }
}
