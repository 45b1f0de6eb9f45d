import AltaCore
import AltaTensor
import Testing

/// The rational polynomial for erf and the polynomial for exp, absolute on values of size 1.
private let functionTolerance: Float = 1e-6
/// One rounding.
private let roundingTolerance: Float = 2e-7

@Suite struct ElementwiseTests {
    @Test(arguments: oddWidths, [false, true]) func gelu(width: Int, accumulate: Bool) throws {
        try RowKernel(
            name: "gelu", tolerance: functionTolerance, fast: { engine, x, _, y in engine.gelu(x, into: y) },
            naive: { x, _, y in Naive.gelu(x, into: y) }
        ).check(width: width, inPlace: false)
        try RowKernel(
            name: "geluBackward", tolerance: functionTolerance,
            fast: { engine, x, dy, dx in engine.geluBackward(dy, x: x, into: dx, accumulate: accumulate) },
            naive: { x, dy, dx in Naive.geluBackward(dy, x: x, into: dx, accumulate: accumulate) }
        ).check(width: width, inPlace: !accumulate)
    }

    @Test func geluIsAccurateEverywhereAndPassesOnWhatIsNotFinite() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let x = arena.matrix(1, 40_000)
        for e in 0..<x.count { x.base[e] = Float(e - 20_000) / 1000 }
        let results = (0..<4).map { _ in arena.matrix(1, x.count) }
        let ones = arena.matrix(1, x.count)
        ones.fill(1)
        engine.gelu(x, into: results[0])
        Naive.gelu(x, into: results[1])
        engine.geluBackward(ones, x: x, into: results[2], accumulate: false)
        Naive.geluBackward(ones, x: x, into: results[3], accumulate: false)
        for e in 0..<x.count {
            let size = max(1, abs(results[1].base[e]))
            #expect(abs(results[0].base[e] - results[1].base[e]) < functionTolerance * size, "gelu(\(x.base[e]))")
            #expect(abs(results[2].base[e] - results[3].base[e]) < functionTolerance, "gelu'(\(x.base[e]))")
        }
        x.copy(from: [.nan, .infinity, -1e30, 1e30] + [Float](repeating: 0, count: x.count - 4))
        engine.gelu(x, into: results[0])
        #expect(results[0].base[0].isNaN)
        #expect(results[0].base[1] == .infinity)
        #expect(results[0].base[2] == 0)
        #expect(results[0].base[3] == 1e30)
        engine.geluBackward(ones, x: x, into: results[0], accumulate: false)
        #expect(results[0].base[0].isNaN)
        #expect(results[0].base[2] == 0)
        #expect(results[0].base[3] == 1)
    }

    @Test(arguments: oddWidths) func sumsAndScales(width: Int) throws {
        try RowKernel(
            name: "add", tolerance: roundingTolerance,
            fast: { engine, x, y, z in engine.add(x, y, scaleY: 0.3, into: z) },
            naive: { x, y, z in Naive.add(x, y, scaleY: 0.3, into: z) }
        ).check(width: width)
        try RowKernel(
            name: "addInto", tolerance: roundingTolerance,
            fast: { engine, x, _, z in engine.addInto(z, x, scale: -0.7) },
            naive: { x, _, z in Naive.add(z, x, scaleY: -0.7, into: z) }
        ).check(width: width, inPlace: false)
        try RowKernel(
            name: "scale", tolerance: roundingTolerance,
            fast: { engine, _, y, z in engine.scale(y, by: 1.1, into: z) },
            naive: { _, y, z in Naive.scale(y, by: 1.1, into: z) }
        ).check(width: width)
    }

    @Test(arguments: oddWidths, [0, 0.1, 0.25, 1] as [Float]) func dropout(width: Int, rate: Float) throws {
        let arena = Arena()
        let key = RandomKey(seed: 5, epoch: 2, study: StudyIndex(7), purpose: .dropout).child(3)
        let x = normalMatrix(arena, 97, width, seed: 1)
        for rows in [0..<97, 13..<14, 20..<90, 5..<5] {
            let expected = normalMatrix(arena, 97, width, seed: 2)
            Naive.dropout(x, rows: rows, key: key, rate: rate, into: expected)
            for threads in [1, 2] {
                let engine = try Engine(threads: threads)
                let y = normalMatrix(arena, 97, width, seed: 2)
                engine.dropout(x, rows: rows, key: key, rate: rate, into: y)
                #expect(y.hasBits(of: expected), "\(width) wide, rows \(rows), rate \(rate)")
            }
        }
        let engine = try Engine(threads: 1)
        let moved = normalMatrix(arena, 20, width, seed: 3)
        let alone = arena.matrix(4, width)
        engine.dropout(moved.rows(9..<13), rows: 0..<4, key: key, rate: rate, into: alone)
        engine.dropout(moved, rows: 9..<13, key: key, rate: rate, into: moved)
        #expect(alone.hasBits(of: moved.rows(9..<13)))
    }

    @Test func dropoutKeepsItsShare() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let x = arena.matrix(100, 1000)
        x.fill(1)
        engine.dropout(x, rows: 0..<100, key: RandomKey(seed: 1, purpose: .dropout), rate: 0.25, into: x)
        let kept = x.elements.count { $0 != 0 }
        // Five standard deviations of 100,000 draws.
        #expect(abs(kept - 75_000) < 700)
        #expect(x.elements.allSatisfy { $0 == 0 || $0 == 1 / 0.75 })
    }
}
