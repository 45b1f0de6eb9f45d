import AltaCore
import AltaTensor
import Testing

/// Probabilities, gradients of scores and results are rounded to bf16 once each, relative to the largest result.
private let halfAttentionTolerance: Float = 2 * BFloat16.roundoff
/// Scores are fp32 sums of exact products.
private let sumTolerance: Float = 5e-6

private struct Case {
    let lengths: [Int]
    let heads: Int
    let width: Int
    let rate: Float?

    var segments: Segments { Segments(lengths: lengths) }

    func dropout(from first: Int = 0) -> AttentionDropout? {
        rate.map { rate in
            AttentionDropout(
                rate: rate,
                keys: lengths.indices.dropFirst(first).map { RandomKey(seed: 3, purpose: .dropout).child(UInt64($0)) })
        }
    }
}

private let cases = [
    Case(lengths: [1], heads: 1, width: 16, rate: nil),
    Case(lengths: [2, 3, 0, 17], heads: 2, width: 10, rate: 0.1),
    Case(lengths: [15, 16, 17, 31, 32, 33], heads: 3, width: 48, rate: nil),
    Case(lengths: [50, 84, 31], heads: 2, width: 128, rate: 0.25),
    Case(lengths: [64, 65, 1, 7], heads: 2, width: 64, rate: 0.1),
    Case(lengths: [197, 256], heads: 1, width: 64, rate: 0.1),
    Case(lengths: [90], heads: 1, width: 112, rate: nil),
    Case(lengths: [0, 0], heads: 2, width: 32, rate: nil),
]

private struct Results {
    let y: HalfMatrix
    let sums: Matrix
    let dqkv: HalfMatrix

    func hasBits(of other: Results, rows: Range<Int>) -> Bool {
        y.hasBits(of: other.y.rows(rows)) && sums.hasBits(of: other.sums.rows(rows))
            && dqkv.hasBits(of: other.dqkv.rows(rows))
    }
}

@Suite struct HalfAttentionTests {
    @Test(arguments: cases.indices, halfKernels) func agreesWithNaive(index: Int, kernels: HalfKernels) throws {
        let test = cases[index]
        let arena = Arena()
        let rows = test.segments.rows
        let qkv = normalHalfMatrix(arena, rows, 3 * test.width, seed: 1, scale: 1.5)
        let dy = normalHalfMatrix(arena, rows, test.width, seed: 2)
        let expected = (
            arena.matrix(rows, test.width), arena.matrix(rows, test.heads), arena.matrix(rows, 3 * test.width)
        )
        Naive.attention(
            qkv.widened(arena), segments: test.segments, heads: test.heads, into: expected.0,
            logSumExp: expected.1.base, dropout: test.dropout())
        Naive.attentionBackward(
            dy.widened(arena), qkv: qkv.widened(arena), segments: test.segments, heads: test.heads,
            dropout: test.dropout(), into: expected.2)
        let runs = try [1, 2].map { threads in
            let engine = try Engine(threads: threads, halfKernels: kernels)
            return run(engine, arena, qkv, dy, test, test.segments, test.dropout())
        }
        #expect(relativeError(runs[0].y, expected.0) < halfAttentionTolerance)
        #expect(relativeError(runs[0].sums, expected.1) < sumTolerance)
        #expect(relativeError(runs[0].dqkv, expected.2) < halfAttentionTolerance)
        #expect(runs[0].hasBits(of: runs[1], rows: 0..<rows))
    }

    @Test(arguments: halfKernels) func aSegmentDoesNotSeeItsNeighbours(kernels: HalfKernels) throws {
        for test in [cases[2], cases[3], cases[4]] {
            let engine = try Engine(threads: 1, halfKernels: kernels)
            let arena = Arena()
            let rows = test.segments.rows
            let qkv = normalHalfMatrix(arena, rows, 3 * test.width, seed: 1)
            let dy = normalHalfMatrix(arena, rows, test.width, seed: 2)
            let all = run(engine, arena, qkv, dy, test, test.segments, test.dropout())
            for (index, length) in test.lengths.enumerated() {
                let range = test.segments[index]
                let alone = run(
                    engine, arena, qkv.rows(range), dy.rows(range), test, Segments(lengths: [length]),
                    test.dropout().map { AttentionDropout(rate: $0.rate, keys: [$0.keys[index]]) })
                #expect(alone.hasBits(of: all, rows: range), "segment \(index) of \(length) rows")
            }
        }
    }

    @Test(arguments: halfKernels) func anExtremeScoreTakesAll(kernels: HalfKernels) throws {
        let engine = try Engine(threads: 1, halfKernels: kernels)
        let arena = Arena()
        let (rows, width) = (40, 16)
        let qkv = arena.halfMatrix(rows, 3 * width)
        qkv.fill(0)
        // Scores of 4e4 / 4 with row 7 for queries of 100, of -1e4 for the one of -100.
        for row in 0..<rows {
            qkv[row, 0] = row == 5 ? -100 : 100
            qkv[row, 2 * width] = Float(row)
        }
        qkv[7, width] = 400
        let (y, sums) = (arena.halfMatrix(rows, width), arena.matrix(rows, 1))
        engine.attention(qkv, segments: Segments(lengths: [rows]), heads: 1, into: y, logSumExp: sums.base)
        for row in 0..<rows where row != 5 { #expect(y[row, 0] == 7) }
        // The mean of all rows but the seventh.
        #expect(abs(y[5, 0] - (780 - 7) / 39) < 0.1)
        let (dy, dqkv) = (arena.halfMatrix(rows, width), arena.halfMatrix(rows, 3 * width))
        dy.fill(1)
        engine.attentionBackward(
            dy, qkv: qkv, y: y, logSumExp: sums.base, segments: Segments(lengths: [rows]), heads: 1, into: dqkv)
        #expect(dqkv.toArray().allSatisfy { $0.isFinite })
        #expect(abs(dqkv[7, 2 * width] - 39) < 0.25)
    }

    @Test(arguments: halfKernels) func whatIsNotFiniteShows(kernels: HalfKernels) throws {
        let engine = try Engine(threads: 1, halfKernels: kernels)
        let arena = Arena()
        let qkv = normalHalfMatrix(arena, 40, 48, seed: 1)
        qkv[11, 3] = .nan
        let (y, sums) = (arena.halfMatrix(40, 16), arena.matrix(40, 1))
        engine.attention(qkv, segments: Segments(lengths: [20, 20]), heads: 1, into: y, logSumExp: sums.base)
        #expect(y[11, 0].isNaN)
        #expect(y.rows(20..<40).toArray().allSatisfy { $0.isFinite })
    }

    private func run(
        _ engine: Engine, _ arena: Arena, _ qkv: HalfMatrix, _ dy: HalfMatrix, _ test: Case, _ segments: Segments,
        _ dropout: AttentionDropout?
    ) -> Results {
        let y = arena.halfMatrix(qkv.rows, test.width)
        let sums = arena.matrix(qkv.rows, test.heads)
        let dqkv = normalHalfMatrix(arena, qkv.rows, qkv.columns, seed: 7)
        engine.attention(qkv, segments: segments, heads: test.heads, into: y, logSumExp: sums.base, dropout: dropout)
        engine.attentionBackward(
            dy, qkv: qkv, y: y, logSumExp: sums.base, segments: segments, heads: test.heads, dropout: dropout,
            into: dqkv)
        return Results(y: y, sums: sums, dqkv: dqkv)
    }
}
