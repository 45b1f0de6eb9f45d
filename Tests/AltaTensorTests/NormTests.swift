import AltaTensor
import Testing

/// fp32 sums over a row of up to 768 against double ones.
private let rowTolerance: Float = 3e-6

@Suite struct NormTests {
    @Test(arguments: oddWidths) func layerNorm(width: Int) throws {
        let arena = Arena()
        let gamma = normalMatrix(arena, 1, width, seed: 11).vector
        let beta = normalMatrix(arena, 1, width, seed: 12).vector
        let statistics = (0..<2).map { _ in arena.matrix(131, 2) }
        try RowKernel(
            name: "layerNorm", tolerance: rowTolerance,
            fast: { engine, x, _, y in
                let mean = statistics[0].base
                engine.layerNorm(
                    x, gamma: gamma, beta: beta, epsilon: 1e-5, into: y, mean: mean, reciprocalDeviation: mean + 131)
            },
            naive: { x, _, y in
                let mean = statistics[1].base
                Naive.layerNorm(
                    x, gamma: gamma, beta: beta, epsilon: 1e-5, into: y, mean: mean, reciprocalDeviation: mean + 131)
            }
        ).check(width: width, inPlace: false)
        let engine = try Engine(threads: 1)
        let x = normalMatrix(arena, 131, width, seed: 1, scale: 2)
        let y = arena.matrix(131, width)
        let (mean, reciprocal) = (statistics[0].base, statistics[0].base + 131)
        engine.layerNorm(
            x, gamma: gamma, beta: beta, epsilon: 1e-5, into: y, mean: mean, reciprocalDeviation: reciprocal)
        #expect(relativeError(statistics[0], statistics[1]) < rowTolerance)
        engine.layerNorm(
            x, gamma: gamma, beta: beta, epsilon: 1e-5, into: x, mean: mean, reciprocalDeviation: reciprocal)
        #expect(x.hasBits(of: y))
    }

    @Test(arguments: oddWidths, [false, true]) func layerNormBackward(width: Int, accumulate: Bool) throws {
        let arena = Arena()
        let gamma = normalMatrix(arena, 1, width, seed: 11).vector
        // Rows of the statistics belong to rows of x, so sub-views take row 0's: any numbers do.
        let mean = arena.matrix(1, 131)
        let reciprocal = arena.matrix(1, 131)
        mean.fill(0.1)
        reciprocal.fill(0.7)
        try RowKernel(
            name: "layerNormBackward", tolerance: rowTolerance,
            fast: { engine, x, dy, dx in
                engine.layerNormBackward(
                    dy, x: x, gamma: gamma, mean: mean.vector, reciprocalDeviation: reciprocal.vector, into: dx,
                    accumulate: accumulate)
            },
            naive: { x, dy, dx in
                Naive.layerNormBackward(
                    dy, x: x, gamma: gamma, mean: mean.vector, reciprocalDeviation: reciprocal.vector, into: dx,
                    accumulate: accumulate)
            }
        ).check(width: width, inPlace: !accumulate)
    }

    @Test(arguments: oddWidths + [1000]) func columnSumsAndParameterGradients(width: Int) throws {
        let arena = Arena()
        let x = normalMatrix(arena, 301, width, seed: 1)
        let dy = normalMatrix(arena, 301, width, seed: 2)
        let mean = normalMatrix(arena, 1, 301, seed: 3).vector
        let reciprocal = normalMatrix(arena, 1, 301, seed: 4).vector
        for rows in [0..<301, 17..<18, 40..<40, 100..<250] {
            let expected = arena.matrix(3, width)
            Naive.columnSums(x, rows: rows, into: expected.row(0))
            Naive.layerNormParameterGradient(
                dy, x: x, mean: mean, reciprocalDeviation: reciprocal, rows: rows, gammaGradient: expected.row(1),
                betaGradient: expected.row(2))
            let results = try [1, 2].map { threads in
                let engine = try Engine(threads: threads)
                let result = normalMatrix(arena, 3, width, seed: 5)
                engine.columnSums(x, rows: rows, into: result.row(0))
                engine.layerNormParameterGradient(
                    dy, x: x, mean: mean, reciprocalDeviation: reciprocal, rows: rows, gammaGradient: result.row(1),
                    betaGradient: result.row(2))
                return result
            }
            #expect(relativeError(results[0], expected) < rowTolerance, "\(width) wide, rows \(rows)")
            #expect(results[0].hasBits(of: results[1]), "\(width) wide, rows \(rows)")
        }
    }

    @Test(arguments: oddWidths, [false, true]) func normalizeRows(width: Int, accumulate: Bool) throws {
        let arena = Arena()
        let norms = arena.matrix(1, 131)
        try RowKernel(
            name: "normalizeRows", tolerance: rowTolerance,
            fast: { engine, x, _, y in engine.normalizeRows(x, into: y, norms: norms.base) },
            naive: { x, _, y in Naive.normalizeRows(x, into: y, norms: norms.base) }
        ).check(width: width, inPlace: false)
        norms.fill(1.7)
        try RowKernel(
            name: "normalizeRowsBackward", tolerance: rowTolerance,
            fast: { engine, y, dy, dx in
                engine.normalizeRowsBackward(dy, y: y, norms: norms.base, into: dx, accumulate: accumulate)
            },
            naive: { y, dy, dx in
                Naive.normalizeRowsBackward(dy, y: y, norms: norms.base, into: dx, accumulate: accumulate)
            }
        ).check(width: width, inPlace: !accumulate)
    }

    @Test func belowTheClampTheDivisorIsAConstant() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let x = normalMatrix(arena, 3, 8, seed: 1, scale: 1e-13)
        let dy = normalMatrix(arena, 3, 8, seed: 2)
        let results = (0..<4).map { _ in arena.matrix(3, 8) }
        let norms = arena.matrix(1, 3)
        engine.normalizeRows(x, into: results[0], norms: norms.base)
        engine.normalizeRowsBackward(dy, y: results[0], norms: norms.base, into: results[1], accumulate: false)
        #expect(norms.toArray() == [1e-12, 1e-12, 1e-12])
        engine.scale(x, by: 1e12, into: results[2])
        engine.scale(dy, by: 1e12, into: results[3])
        #expect(relativeError(results[0], results[2]) < rowTolerance)
        #expect(relativeError(results[1], results[3]) < rowTolerance)
    }

    @Test func aRowOfZerosNormalizesToZeros() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let x = arena.matrix(2, 8)
        x.fill(0)
        let y = normalMatrix(arena, 2, 8, seed: 1)
        let norms = arena.matrix(1, 2)
        engine.normalizeRows(x, into: y, norms: norms.base)
        #expect(y.toArray().allSatisfy { $0 == 0 })
        let dx = arena.matrix(2, 8)
        engine.normalizeRowsBackward(
            normalMatrix(arena, 2, 8, seed: 2), y: y, norms: norms.base, into: dx, accumulate: false)
        #expect(dx.toArray().allSatisfy { $0.isFinite })
    }

    @Test(arguments: oddWidths.filter { $0 > 1 }) func standardizePatches(width: Int) throws {
        try RowKernel(
            name: "standardizePatches", tolerance: rowTolerance,
            fast: { engine, x, _, y in engine.standardizePatches(x, into: y) },
            naive: { x, _, y in Naive.standardizePatches(x, into: y) }
        ).check(width: width, inPlace: false)
    }
}
