import AltaCore
import AltaTensor
import Testing

/// Primitives are forgotten, and made again with the same results.
@Suite struct PrimitiveCacheTests {
    private let arena = Arena()
    private let engine: Engine

    init() throws { engine = try Engine(threads: 1, format: .half) }

    @Test func weightGradientsOfManyShapesAreBounded() {
        let (dy, x) = (normalHalfMatrix(arena, 4, 2, seed: 1), normalHalfMatrix(arena, 4, 200, seed: 2))
        expectBound { shape in
            let rows = shape % 4 + 1
            let dw = arena.matrix(2, shape / 4 + 1)
            engine.weightGradient(
                dy.rows(0..<rows), HalfMatrix(base: x.base, rows: rows, columns: dw.columns), into: dw,
                accumulate: false)
            return dw.toArray()
        }
    }

    @Test func packedProductsOfManyShapesAreBounded() {
        let packed = engine.pack(normalMatrix(arena, 20, 4, seed: 1))
        let x = normalHalfMatrix(arena, 1100, 4, seed: 2)
        let old = normalMatrix(arena, 1100, 20, seed: 4)
        let bias = normalMatrix(arena, 1, 20, seed: 3)
        expectBound { shape in
            let rows = 16 * (shape / 8 + 1)
            let y = arena.operand(rows, 20, shape & 1 == 0 ? .full : .half)
            engine.add(.full(old.rows(0..<rows)), into: y, accumulate: false)
            engine.forward(
                .half(x.rows(0..<rows)), packed, bias: shape & 2 == 0 ? nil : bias.base, into: y,
                accumulate: shape & 4 != 0)
            return engine.inFull(y).toArray()
        }
    }

    /// The first shapes before and after more others than are kept.
    private func expectBound(_ result: (_ shape: Int) -> [Float]) {
        let before = (0..<3).map(result)
        #expect(engine.primitiveCount == 3)
        for shape in 3..<Engine.largestPrimitiveCount + 5 { arena.scoped { _ = result(shape) } }
        #expect(engine.primitiveCount == Engine.largestPrimitiveCount)
        #expect((0..<3).map(result) == before)
        #expect(engine.primitiveCount == Engine.largestPrimitiveCount)
    }
}
