import AltaTensor
import Testing

/// fp32 exponentials and sums over a row against double ones.
private let lossTolerance: Float = 3e-6
/// Some roundings of fp32 in each moment and parameter.
private let optimizerTolerance: Float = 1e-6

@Suite struct TrainingTests {
    @Test(arguments: oddWidths + [30_000]) func crossEntropy(width: Int) throws {
        let arena = Arena()
        let rows = 19
        let logits = normalMatrix(arena, rows, width, seed: 1, scale: 4)
        let labels = (0..<rows).map { Int32($0 * 7919 % width) }
        let expected = (arena.matrix(1, rows), arena.matrix(rows, width))
        Naive.softmaxCrossEntropy(
            logits, labels: labels, scale: 0.25, lossPerRow: expected.0.base, gradient: expected.1)
        let results = try [1, 2].map { threads in
            let result = (arena.matrix(1, rows), arena.matrix(rows, width))
            try Engine(threads: threads).softmaxCrossEntropy(
                logits, labels: labels, scale: 0.25, lossPerRow: result.0.base, gradient: result.1)
            return result
        }
        #expect(relativeError(results[0].0, expected.0) < lossTolerance || width == 1)
        #expect(relativeError(results[0].1, expected.1) < lossTolerance || width == 1)
        #expect(results[0].0.hasBits(of: results[1].0))
        #expect(results[0].1.hasBits(of: results[1].1))
        let loss = arena.matrix(1, rows)
        try Engine(threads: 1).softmaxCrossEntropy(
            logits, labels: labels, scale: 0.25, lossPerRow: loss.base, gradient: logits)
        #expect(loss.hasBits(of: results[0].0))
        #expect(logits.hasBits(of: results[0].1))
    }

    @Test func crossEntropyOfOneClassIsZero() throws {
        let arena = Arena()
        let logits = normalMatrix(arena, 3, 1, seed: 1, scale: 9)
        let loss = normalMatrix(arena, 1, 3, seed: 2)
        let labels: [Int32] = [0, 0, 0]
        try Engine(threads: 1).softmaxCrossEntropy(logits, labels: labels, lossPerRow: loss.base, gradient: logits)
        #expect(loss.toArray() == [0, 0, 0])
        #expect(logits.toArray() == [0, 0, 0])
    }

    @Test(arguments: [1, 17, 64, 50_001]) func adamWAgreesWithNaive(count: Int) throws {
        let arena = Arena()
        let runs = try [0, 1, 2].map { threads in
            let state = (0..<3).map { normalMatrix(arena, 1, count, seed: UInt64($0)) }
            for e in 0..<count { state[2].base[e] = abs(state[2].base[e]) }
            let engine = try Engine(threads: max(threads, 1))
            for step in 1...3 {
                let gradient = normalMatrix(arena, 1, count, seed: UInt64(10 + step))
                let run = threads == 0 ? Naive.adamW : engine.adamW
                run(
                    state[0].base, gradient.vector, state[1].base, state[2].base, count, step, 1e-3, 0.9, 0.95, 1e-8,
                    0.05)
            }
            return state
        }
        for e in 0..<3 {
            #expect(relativeError(runs[1][e], runs[0][e]) < optimizerTolerance)
            #expect(runs[1][e].hasBits(of: runs[2][e]))
        }
    }

    /// Two steps of torch.optim.AdamW 2.x on one parameter, worked out by hand in double precision.
    @Test func adamWIsTorchs() throws {
        var (parameter, first, second): (Float, Float, Float) = (1, 0, 0)
        let engine = try Engine(threads: 1)
        for step in 1...2 {
            var gradient: Float = step == 1 ? 0.5 : -0.25
            engine.adamW(
                parameter: &parameter, gradient: &gradient, firstMoment: &first, secondMoment: &second, count: 1,
                step: step, rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01)
        }
        // Step 1: 1 * 0.999 - 0.1 = 0.899. Step 2: m = 0.02, v = 3.1225e-4, corrected 0.105263 and 0.156203.
        let expected = 0.899 * 0.999 - 0.1 * (0.02 / 0.19) / (3.1225e-4 / 0.001999).squareRoot()
        #expect(abs(Double(parameter) - expected) < 1e-6)
    }

    @Test(arguments: [0, 1, 17, 40_001]) func fixedPoint(count: Int) throws {
        let arena = Arena()
        let values = normalMatrix(arena, 1, count, seed: 1, scale: 3)
        let small = normalMatrix(arena, 1, count, seed: 2, scale: 1e-9)
        var expected = [Int64](repeating: 5, count: count)
        #expect(Naive.addFixedPoint(values.vector, count: count, into: &expected))
        #expect(Naive.addFixedPoint(small.vector, count: count, into: &expected))
        for threads in [1, 2] {
            let engine = try Engine(threads: threads)
            var sums = [Int64](repeating: 5, count: count)
            // The other order: integers do not mind.
            #expect(engine.addFixedPoint(small.vector, count: count, into: &sums))
            #expect(engine.addFixedPoint(values.vector, count: count, into: &sums))
            #expect(sums == expected)
            let back = arena.matrix(1, count)
            engine.fixedPointToFloat(sums, count: count, into: back.base)
            #expect((0..<count).allSatisfy { back.base[$0] == Float(Double(sums[$0]) * 0x1p-44) })
            var stored = [Int64](repeating: -7, count: count)
            #expect(engine.addFixedPoint(values.vector, count: count, into: &stored, isFirst: true))
            #expect(engine.addFixedPoint(small.vector, count: count, into: &stored))
            #expect(stored.map { $0 + 5 } == expected)
        }
    }

    /// Floats and squares in one pass are what the two passes give, whoever makes which blocks.
    @Test(arguments: [0, 1, 16_384, 40_001]) func settling(count: Int) throws {
        let arena = Arena()
        let values = normalMatrix(arena, 1, count, seed: 1, scale: 3)
        let blocks = (count + Engine.settleBlock - 1) / Engine.settleBlock
        for threads in [1, 2] {
            let engine = try Engine(threads: threads)
            var sums = [Int64](repeating: 0, count: count)
            #expect(engine.addFixedPoint(values.vector, count: count, into: &sums))
            var (floats, back) = ([Float](repeating: -1, count: count), [Float](repeating: -2, count: count))
            engine.fixedPointToFloat(sums, count: count, into: &back)
            var (squares, again) = ([Double](repeating: -1, count: blocks), [Double](repeating: -2, count: blocks))
            engine.settle(sums, count: count, into: &floats, squares: &squares)
            engine.blockSquares(back, count: count, into: &again)
            #expect(floats == back && squares == again)
            let expected = floats.reduce(0.0) { $0 + Double($1) * Double($1) }
            #expect(abs(squares.reduce(0, +) - expected) <= 1e-12 * expected)
        }
        withExtendedLifetime(arena) {}
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, 0x1p18, -0x1p18])
    func fixedPointRefusesWhatDoesNotFit(bad: Float) throws {
        let engine = try Engine(threads: 2)
        for place in [0, 17, 39_999] {
            var values = [Float](repeating: 0x1.fffffep17, count: 40_000)
            values[place] = bad
            var sums = [Int64](repeating: 1, count: values.count)
            #expect(!engine.addFixedPoint(values, count: values.count, into: &sums))
            #expect(sums[place] == 1)
            #expect(sums[(place + 1) % 40_000] == 1 + Int64(Double(Float(0x1.fffffep17)) * 0x1p44))
            #expect(!engine.addFixedPoint(values, count: values.count, into: &sums, isFirst: true))
            #expect(sums[place] == 0)
            #expect(sums[(place + 1) % 40_000] == Int64(Double(Float(0x1.fffffep17)) * 0x1p44))
        }
    }
}
