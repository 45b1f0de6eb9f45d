import AltaCore
import AltaTensor
import COpenBLAS
import Testing

/// fp32 sums of up to 3072 products in another order than the naive double ones.
private let productTolerance: Float = 3e-6

@Suite struct ProductTests {
    @Test(arguments: [1, 2]) func forwardAndBackwardAgreeWithNaive(threads: Int) throws {
        let engine = try Engine(threads: threads)
        for (rows, inputs, outputs) in [
            (1, 64, 64), (3, 17, 5), (17, 65, 1), (16, 1, 3), (65, 64, 16), (50, 768, 192), (33, 16, 768),
        ] {
            let arena = Arena()
            let x = normalMatrix(arena, rows, inputs, seed: 1)
            let weight = normalMatrix(arena, outputs, inputs, seed: 2)
            let bias = normalMatrix(arena, 1, outputs, seed: 3)
            let packed = engine.pack(weight)
            for accumulate in [false, true] {
                let y = normalMatrix(arena, rows, outputs, seed: 4)
                let expected = normalMatrix(arena, rows, outputs, seed: 4)
                engine.forward(x, packed, bias: bias.base, into: y, accumulate: accumulate)
                Naive.forward(x, weight, bias: bias.base, into: expected, accumulate: accumulate)
                #expect(relativeError(y, expected) < productTolerance, "\(rows) \(inputs) \(outputs)")
                let dx = normalMatrix(arena, rows, inputs, seed: 5)
                let expectedDx = normalMatrix(arena, rows, inputs, seed: 5)
                engine.backward(y, packed, into: dx, accumulate: accumulate)
                Naive.backward(y, weight, into: expectedDx, accumulate: accumulate)
                #expect(relativeError(dx, expectedDx) < productTolerance, "\(rows) \(inputs) \(outputs)")
            }
        }
    }

    @Test func operationsAreCountedOnceWhateverThePadding() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let (rows, inputs, outputs) = (17, 24, 40)
        let x = normalMatrix(arena, rows, inputs, seed: 1)
        let y = arena.matrix(rows, outputs)
        let packed = engine.pack(normalMatrix(arena, outputs, inputs, seed: 2))
        engine.forward(x, packed, bias: nil, into: y)
        #expect(engine.operationCount == 2 * rows * inputs * outputs)
        engine.backward(y, packed, into: x, accumulate: false)
        #expect(engine.operationCount == 4 * rows * inputs * outputs)
        engine.weightGradient(y, x, into: arena.matrix(outputs, inputs), accumulate: false)
        #expect(engine.operationCount == 6 * rows * inputs * outputs)
    }

    @Test func accumulatingAddsInEveryRow() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let x = normalMatrix(arena, 37, 65, seed: 1)
        let weight = normalMatrix(arena, 19, 65, seed: 2)
        let packed = engine.pack(weight, directions: .forward)
        let y = Guarded(arena, 37, 19, seed: 3)
        let expected = arena.matrix(37, 19)
        expected.copy(from: y.inner)
        engine.forward(x, packed, bias: nil, into: y.inner, accumulate: true)
        Naive.forward(x, weight, bias: nil, into: expected, accumulate: true)
        #expect(relativeError(y.inner, expected) < productTolerance)
        #expect(y.neighboursAreIntact)
        let other = normalMatrix(arena, 19, 65, seed: 4)
        engine.repack(packed, from: other)
        engine.forward(x, packed, bias: nil, into: y.inner)
        Naive.forward(x, other, bias: nil, into: expected)
        #expect(relativeError(y.inner, expected) < productTolerance)
    }

    @Test(arguments: [1, 2]) func stridedProductsAgreeWithNaiveAndOpenBLAS(threads: Int) throws {
        let engine = try Engine(threads: threads)
        openblas_set_num_threads(1)
        for (m, n, k) in [(1, 1, 1), (3, 17, 5), (17, 1, 65), (50, 50, 64), (64, 65, 3), (1, 64, 200), (84, 64, 84)] {
            for flags in 0..<8 {
                let (ta, tb) = (flags & 1 != 0, flags & 2 != 0)
                let beta: Float = flags & 4 != 0 ? 0.5 : 0
                let arena = Arena()
                let (lda, ldb, ldc) = ((ta ? m : k) + 3, (tb ? k : n) + 7, n + 5)
                let a = normalMatrix(arena, ta ? k : m, lda, seed: 1)
                let b = normalMatrix(arena, tb ? n : k, ldb, seed: 2)
                let results = (0..<3).map { _ in normalMatrix(arena, m, ldc, seed: 3) }
                engine.product(
                    m: m, n: n, k: k, alpha: 0.7, a: a.base, lda: lda, transposeA: ta, b: b.base, ldb: ldb,
                    transposeB: tb, beta: beta, c: results[0].base, ldc: ldc)
                Naive.product(
                    m: m, n: n, k: k, alpha: 0.7, a: a.base, lda: lda, transposeA: ta, b: b.base, ldb: ldb,
                    transposeB: tb, beta: beta, c: results[1].base, ldc: ldc)
                cblas_sgemm(
                    CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, Int32(m), Int32(n),
                    Int32(k), 0.7, a.base, Int32(lda), b.base, Int32(ldb), beta, results[2].base, Int32(ldc))
                #expect(relativeError(results[0], results[1]) < productTolerance, "\(m) \(n) \(k) \(flags)")
                #expect(relativeError(results[0], results[2]) < productTolerance, "\(m) \(n) \(k) \(flags)")
            }
        }
    }

    @Test func weightGradientsHaveTheSameBitsOnTwoThreads() throws {
        let one = try Engine(threads: 1)
        let two = try Engine(threads: 2)
        for (rows, inputs, outputs) in [
            (1, 64, 64), (84, 768, 16), (50, 16, 768), (197, 192, 64), (33, 768, 768), (197, 384, 1536),
            (1788, 64, 192),
        ] {
            let arena = Arena()
            let x = normalMatrix(arena, rows, inputs, seed: 1)
            let dy = normalMatrix(arena, rows, outputs, seed: 2)
            let first = normalMatrix(arena, outputs, inputs, seed: 3)
            let second = normalMatrix(arena, outputs, inputs, seed: 3)
            let expected = normalMatrix(arena, outputs, inputs, seed: 3)
            one.weightGradient(dy, x, into: first, accumulate: true)
            two.weightGradient(dy, x, into: second, accumulate: true)
            Naive.weightGradient(dy, x, into: expected, accumulate: true)
            #expect(relativeError(first, expected) < productTolerance)
            #expect(first.hasBits(of: second), "\(rows) \(inputs) \(outputs)")
        }
    }

    @Test func productsOfNothing() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let packed = engine.pack(normalMatrix(arena, 8, 4, seed: 1))
        engine.forward(arena.matrix(0, 4), packed, bias: nil, into: arena.matrix(0, 8))
        let dw = normalMatrix(arena, 8, 4, seed: 2)
        engine.weightGradient(arena.matrix(0, 8), arena.matrix(0, 4), into: dw, accumulate: false)
        #expect(dw.toArray().allSatisfy { $0 == 0 })
    }
}
