import AltaTensor
import Testing

/// The polynomials of GELU and its slope beside the rounding of the result, for gradients of size 1.
private let geluTolerance: Float = 2.2e-5
private let slopeTolerance: Float = 8e-5

@Suite struct HalfTests {
    @Test func roundsToNearestEvenAndKeepsWhatIsNotFinite() {
        #expect(BFloat16(1).bits == 0x3F80)
        #expect(BFloat16(Float(bitPattern: 0x3F80_8000)).bits == 0x3F80)
        #expect(BFloat16(Float(bitPattern: 0x3F81_8000)).bits == 0x3F82)
        #expect(BFloat16(Float(bitPattern: 0x3F80_8001)).bits == 0x3F81)
        #expect(BFloat16(Float(bitPattern: 0x3F80_7FFF)).bits == 0x3F80)
        #expect(BFloat16(-Float.infinity).float == -.infinity)
        #expect(BFloat16(Float.greatestFiniteMagnitude).float == .infinity)
        // A payload in the lower half only.
        #expect(BFloat16(Float(bitPattern: 0x7F80_0001)).float.isNaN)
        #expect(BFloat16(Float(bitPattern: 0xFF80_0001)).bits == 0xFFC0)
        #expect(BFloat16(Float.leastNonzeroMagnitude * 0x1p16).bits == 1)
    }

    @Test func convertsLikeTheScalarType() throws {
        let arena = Arena()
        let rows = 1 << 10
        let x = arena.matrix(rows, 67)
        for e in 0..<x.count { x.base[e] = Float(bitPattern: UInt32(truncatingIfNeeded: e &* 62_653)) }
        let results = try [1, 2].map { threads in
            let y = arena.halfMatrix(rows, 67)
            try Engine(threads: threads).convert(x, into: y)
            return y
        }
        let back = arena.matrix(rows, 67)
        try Engine(threads: 1).convert(results[0], into: back)
        #expect((0..<x.count).allSatisfy { results[0].base[$0] == BFloat16(x.base[$0]) })
        #expect((0..<x.count).allSatisfy { back.base[$0].bitPattern == results[0].base[$0].float.bitPattern })
        #expect(results[0].hasBits(of: results[1]))
    }

    @Test func viewsAndCopies() {
        let arena = Arena()
        let matrix = arena.halfMatrix(17, 3)
        matrix.fill(0.5)
        #expect(matrix.slackRows == 15)
        #expect(matrix.rows(2..<17).slackRows == 15)
        #expect(matrix.rows(0..<16).slackRows == 0)
        matrix.rows(3..<4).copy(from: [1, 2, 3.001])
        #expect(matrix.rows(2..<5).toArray() == [0.5, 0.5, 0.5, 1, 2, 3, 0.5, 0.5, 0.5])
        matrix[0, 1] = 7
        #expect(matrix[0, 1] == 7)
    }

    @Test(arguments: oddWidths) func geluInBothDirections(width: Int) throws {
        let arena = Arena()
        let (x, dy) = (
            normalHalfMatrix(arena, 131, width, seed: 1, scale: 2), normalHalfMatrix(arena, 131, width, seed: 2)
        )
        let before = normalHalfMatrix(arena, 131, width, seed: 3)
        let run = { (engine: Engine, rows: Range<Int>) in
            let results = (0..<4).map { _ in before.rows(rows).copied(arena) }
            engine.gelu(x.rows(rows), into: results[0])
            engine.gelu(x.rows(rows).widened(arena), into: results[1])
            for (index, accumulate) in [(2, false), (3, true)] {
                engine.geluBackward(dy.rows(rows), x: x.rows(rows), into: results[index], accumulate: accumulate)
            }
            return results
        }
        let one = run(try Engine(threads: 1), 0..<131)
        let two = run(try Engine(threads: 2), 0..<131)
        let part = run(try Engine(threads: 1), 60..<63)
        let expected = [before.widened(arena), before.widened(arena), before.widened(arena)]
        Naive.gelu(x.widened(arena), into: expected[0])
        for (index, accumulate) in [(1, false), (2, true)] {
            Naive.geluBackward(
                dy.widened(arena), x: x.widened(arena), into: expected[index], accumulate: accumulate)
        }
        #expect(excessOverRounding(one[0], expected[0]) < geluTolerance)
        #expect(one[1].hasBits(of: one[0]))
        #expect(excessOverRounding(one[2], expected[1]) < 4 * slopeTolerance)
        #expect(excessOverRounding(one[3], expected[2]) < 4 * slopeTolerance)
        for index in 0..<4 {
            #expect(one[index].hasBits(of: two[index]))
            #expect(part[index].hasBits(of: one[index].rows(60..<63)))
        }
    }

    @Test func geluOfEveryNumber() throws {
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let (x, ones) = (arena.halfMatrix(1, 1 << 16), arena.halfMatrix(1, 1 << 16))
        for e in 0..<x.count { x.base[e] = BFloat16(bits: UInt16(e)) }
        ones.fill(1)
        let (y, slope) = (arena.halfMatrix(1, x.count), arena.halfMatrix(1, x.count))
        let expected = (arena.matrix(1, x.count), arena.matrix(1, x.count))
        engine.gelu(x, into: y)
        engine.geluBackward(ones, x: x, into: slope, accumulate: false)
        Naive.gelu(x.widened(arena), into: expected.0)
        Naive.geluBackward(ones.widened(arena), x: x.widened(arena), into: expected.1, accumulate: false)
        for e in 0..<x.count {
            let value = x.base[e].float
            guard value.isFinite else {
                #expect(y.base[e].float.isNaN == (value.isNaN || value < 0), "gelu(\(value))")
                continue
            }
            let errors = (y.base[e].float - expected.0.base[e], slope.base[e].float - expected.1.base[e])
            #expect(abs(errors.0) <= geluTolerance + BFloat16.roundoff * abs(expected.0.base[e]), "gelu(\(value))")
            // Far out the density's square overflows in the naive one, too.
            guard abs(value) < 1e15 else { continue }
            #expect(abs(errors.1) <= slopeTolerance + BFloat16.roundoff * abs(expected.1.base[e]), "gelu'(\(value))")
        }
        #expect(y[0, Int(BFloat16(-1e30).bits)] == 0)
        #expect(slope[0, Int(BFloat16(1e30).bits)] == 1)
    }
}
