import AltaCore
import AltaTensor
import Testing

/// fp32 products, softmax and products again, against double.
private let attentionTolerance: Float = 5e-6

private struct Case {
    let lengths: [Int]
    let heads: Int
    let width: Int
    let rate: Float?

    var segments: Segments { Segments(lengths: lengths) }

    var dropout: AttentionDropout? {
        rate.map { rate in
            AttentionDropout(
                rate: rate, keys: lengths.indices.map { RandomKey(seed: 3, purpose: .dropout).child(UInt64($0)) })
        }
    }
}

private let cases = [
    Case(lengths: [1], heads: 1, width: 1, rate: nil),
    Case(lengths: [1, 3, 0, 17], heads: 2, width: 10, rate: 0.1),
    Case(lengths: [0, 64, 65, 1], heads: 3, width: 48, rate: nil),
    Case(lengths: [50, 84, 31], heads: 2, width: 128, rate: 0.25),
    Case(lengths: [197], heads: 1, width: 64, rate: 0.1),
    Case(lengths: [0, 0], heads: 2, width: 8, rate: nil),
]

@Suite struct AttentionTests {
    @Test(arguments: [1, 2]) func operationsAreThoseOfItsProducts(threads: Int) throws {
        let engine = try Engine(threads: threads)
        let arena = Arena()
        let segments = Segments(lengths: [3, 0, 5])
        let (heads, width) = (2, 8)
        let qkv = normalMatrix(arena, segments.rows, 3 * width, seed: 1)
        let y = arena.matrix(segments.rows, width)
        let sums = arena.matrix(segments.rows, heads)
        engine.attention(qkv, segments: segments, heads: heads, into: y, logSumExp: sums.base)
        let oneProduct = 2 * (3 * 3 + 5 * 5) * width
        #expect(engine.operationCount == 2 * oneProduct)
        engine.attentionBackward(
            y, qkv: qkv, y: y, logSumExp: sums.base, segments: segments, heads: heads,
            into: arena.matrix(segments.rows, 3 * width))
        #expect(engine.operationCount == 7 * oneProduct)
    }

    @Test(arguments: cases.indices) func agreesWithNaive(index: Int) throws {
        let test = cases[index]
        let arena = Arena()
        let rows = test.segments.rows
        let qkv = normalMatrix(arena, rows, 3 * test.width, seed: 1, scale: 1.5)
        let dy = normalMatrix(arena, rows, test.width, seed: 2)
        let expected = (
            arena.matrix(rows, test.width), arena.matrix(rows, test.heads), arena.matrix(rows, 3 * test.width)
        )
        Naive.attention(
            qkv, segments: test.segments, heads: test.heads, into: expected.0, logSumExp: expected.1.base,
            dropout: test.dropout)
        Naive.attentionBackward(
            dy, qkv: qkv, segments: test.segments, heads: test.heads, dropout: test.dropout, into: expected.2)
        let runs = try [1, 2].map { threads in
            run(try Engine(threads: threads), arena, qkv, dy, test, test.segments, test.dropout)
        }
        #expect(relativeError(runs[0].y, expected.0) < attentionTolerance)
        #expect(relativeError(runs[0].sums, expected.1) < attentionTolerance)
        #expect(relativeError(runs[0].dqkv, expected.2) < attentionTolerance)
        #expect(runs[0].y.hasBits(of: runs[1].y))
        #expect(runs[0].dqkv.hasBits(of: runs[1].dqkv))
    }

    @Test func aSegmentDoesNotSeeItsNeighbours() throws {
        let test = cases[3]
        let engine = try Engine(threads: 1)
        let arena = Arena()
        let rows = test.segments.rows
        let qkv = normalMatrix(arena, rows, 3 * test.width, seed: 1)
        let dy = normalMatrix(arena, rows, test.width, seed: 2)
        let all = run(engine, arena, qkv, dy, test, test.segments, test.dropout)
        for (index, length) in test.lengths.enumerated() {
            let range = test.segments[index]
            let alone = run(
                engine, arena, qkv.rows(range), dy.rows(range), test, Segments(lengths: [length]),
                test.dropout.map { AttentionDropout(rate: $0.rate, keys: [$0.keys[index]]) })
            #expect(alone.y.hasBits(of: all.y.rows(range)))
            #expect(alone.dqkv.hasBits(of: all.dqkv.rows(range)))
            #expect(alone.sums.hasBits(of: all.sums.rows(range)))
        }
    }

    private func run(
        _ engine: Engine, _ arena: Arena, _ qkv: Matrix, _ dy: Matrix, _ test: Case, _ segments: Segments,
        _ dropout: AttentionDropout?
    ) -> (y: Matrix, sums: Matrix, dqkv: Matrix) {
        let y = arena.matrix(qkv.rows, test.width)
        let sums = arena.matrix(qkv.rows, test.heads)
        let dqkv = normalMatrix(arena, qkv.rows, qkv.columns, seed: 7)
        engine.attention(qkv, segments: segments, heads: test.heads, into: y, logSumExp: sums.base, dropout: dropout)
        engine.attentionBackward(
            dy, qkv: qkv, y: y, logSumExp: sums.base, segments: segments, heads: test.heads, dropout: dropout,
            into: dqkv)
        return (y, sums, dqkv)
    }
}
