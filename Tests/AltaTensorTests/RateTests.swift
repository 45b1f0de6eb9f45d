import AltaCore
import AltaTensor
import Foundation
import Testing

/// Prints the rates of products and kernels: `ALTA_RATES=<threads> swift test -c release --filter RateTests`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["ALTA_RATES"] != nil), .serialized) struct RateTests {
    private let engine: Engine
    private let arena = Arena()

    init() throws {
        engine = try Engine(threads: Int(ProcessInfo.processInfo.environment["ALTA_RATES"] ?? "") ?? 1)
    }

    /// The best of some runs of about 4 ms, in units of `work` a second.
    private func rate(_ work: Double, _ body: () -> Void) -> Double {
        body()
        var best = Duration.seconds(1000)
        for _ in 0..<30 {
            var runs = 0
            let clock = ContinuousClock()
            let start = clock.now
            repeat {
                body()
                runs += 1
            } while clock.now - start < .milliseconds(4)
            best = min(best, (clock.now - start) / runs)
        }
        return work / (best / .seconds(1))
    }

    private func report(_ name: String, _ rate: Double, _ unit: String) {
        print("\(name): \((rate / 1e7).rounded() / 100) G\(unit)/s on \(engine.threads) threads")
    }

    @Test func products() {
        for (rows, inputs, outputs) in [
            (1600, 768, 3072), (1600, 3072, 768), (1600, 768, 192), (200, 768, 768), (50, 768, 768), (200, 768, 16),
        ] {
            let x = normalMatrix(arena, rows, inputs, seed: 1)
            let y = normalMatrix(arena, rows, outputs, seed: 2)
            let weight = normalMatrix(arena, outputs, inputs, seed: 3)
            let packed = engine.pack(weight)
            let work = 2.0 * Double(rows * inputs * outputs)
            let name = "[\(rows), \(inputs)] x [\(inputs), \(outputs)]"
            report("forward \(name)", rate(work) { engine.forward(x, packed, bias: nil, into: y) }, "flop")
            report(
                "weight gradient \(name)",
                rate(work) { engine.weightGradient(y, x, into: weight, accumulate: false) }, "flop")
        }
    }

    @Test func firstUseOfEveryRowCount() {
        let packed = engine.pack(normalMatrix(arena, 768, 768, seed: 1))
        let x = arena.matrix(1600, 768)
        let y = arena.matrix(1600, 768)
        x.fill(0)
        let clock = ContinuousClock()
        var seconds: [Double] = []
        for _ in 0..<2 {
            let time = clock.measure {
                for rows in stride(from: 16, through: 1600, by: 16) {
                    engine.forward(x.rows(0..<rows), packed, bias: nil, into: y.rows(0..<rows))
                }
            }
            seconds.append(time / .seconds(1))
        }
        print("making a product of a new row count takes \((seconds[0] - seconds[1]) * 10) ms")
    }

    @Test(arguments: [84, 6400]) func norms(rows: Int) {
        let (width, x, dy, y) = operands(rows)
        let parameters = normalMatrix(arena, 4, width, seed: 3)
        let (gamma, beta) = (parameters.row(0), parameters.row(1))
        let statistics = arena.matrix(2, rows)
        let (mean, reciprocal) = (statistics.row(0), statistics.row(1))
        reportKernel("layerNorm", x) {
            engine.layerNorm(
                x, gamma: gamma, beta: beta, epsilon: 1e-5, into: y, mean: mean, reciprocalDeviation: reciprocal)
        }
        reportKernel("layerNormBackward", x) {
            engine.layerNormBackward(
                dy, x: x, gamma: gamma, mean: mean, reciprocalDeviation: reciprocal, into: y, accumulate: true)
        }
        reportKernel("layerNormParameterGradient", x) {
            engine.layerNormParameterGradient(
                dy, x: x, mean: mean, reciprocalDeviation: reciprocal, rows: 0..<rows,
                gammaGradient: parameters.row(2), betaGradient: parameters.row(3))
        }
        reportKernel("normalizeRows", x) { engine.normalizeRows(x, into: y, norms: mean) }
        reportKernel("normalizeRowsBackward", x) {
            engine.normalizeRowsBackward(dy, y: x, norms: mean, into: y, accumulate: false)
        }
        reportKernel("standardizePatches", x) { engine.standardizePatches(x, into: y) }
    }

    @Test(arguments: [84, 6400]) func elementwise(rows: Int) {
        let (width, x, dy, y) = operands(rows)
        let sums = arena.matrix(1, width)
        let key = RandomKey(seed: 1, purpose: .dropout)
        reportKernel("columnSums", x) { engine.columnSums(x, rows: 0..<rows, into: sums.base) }
        reportKernel("gelu", x) { engine.gelu(x, into: y) }
        reportKernel("geluBackward", x) { engine.geluBackward(dy, x: x, into: y, accumulate: false) }
        reportKernel("add", x) { engine.add(x, dy, into: y) }
        reportKernel("dropout", x) { engine.dropout(x, rows: 0..<rows, key: key, rate: 0.1, into: y) }
    }

    private func operands(_ rows: Int) -> (width: Int, x: Matrix, dy: Matrix, y: Matrix) {
        let width = 768
        return (
            width, normalMatrix(arena, rows, width, seed: 1), normalMatrix(arena, rows, width, seed: 2),
            arena.matrix(rows, width)
        )
    }

    private func reportKernel(_ name: String, _ x: Matrix, _ body: () -> Void) {
        report("\(name), \(x.rows) rows", rate(Double(x.count), body), "elem")
    }

    @Test func training() {
        let count = 1 << 20
        let parts = (0..<4).map { normalMatrix(arena, 1, count, seed: UInt64($0)) }
        let sums: UnsafeMutableBufferPointer<Int64> = arena.buffer(count)
        sums.update(repeating: 0)
        parts[3].fill(1)
        let adamW = rate(Double(count)) {
            engine.adamW(
                parameter: parts[0].base, gradient: parts[1].vector, firstMoment: parts[2].base,
                secondMoment: parts[3].base, count: count, step: 3, rate: 1e-3, beta1: 0.9, beta2: 0.95,
                epsilon: 1e-8, weightDecay: 0.05)
        }
        report("adamW", adamW, "elem")
        guard let base = sums.baseAddress else { return }
        report(
            "addFixedPoint",
            rate(Double(count)) { _ = engine.addFixedPoint(parts[1].vector, count: count, into: base) }, "elem")
        let logits = normalMatrix(arena, 64, 30_000, seed: 9)
        let labels = [Int32](repeating: 7, count: 64)
        report(
            "softmaxCrossEntropy",
            rate(Double(logits.count)) {
                engine.softmaxCrossEntropy(logits, labels: labels, lossPerRow: parts[1].base, gradient: logits)
            }, "elem")
    }

    @Test(arguments: [(50, nil), (84, nil), (84, 0.1), (197, nil)] as [(Int, Float?)])
    func attention(length: Int, dropoutRate: Float?) {
        let (heads, width) = (12, 768)
        let segments = Segments(count: 8, length: length)
        let qkv = normalMatrix(arena, segments.rows, 3 * width, seed: 1)
        let dy = normalMatrix(arena, segments.rows, width, seed: 2)
        let y = arena.matrix(segments.rows, width)
        let sums = arena.matrix(segments.rows, heads)
        let dqkv = arena.matrix(segments.rows, 3 * width)
        let dropout = dropoutRate.map { rate in
            AttentionDropout(
                rate: rate, keys: (0..<8).map { RandomKey(seed: 1, purpose: .dropout).child(UInt64($0)) })
        }
        // Flop of the products alone: two forward, five backward.
        let work = 2.0 * Double(8 * length * length * width)
        let forward = rate(2 * work) {
            engine.attention(qkv, segments: segments, heads: heads, into: y, logSumExp: sums.base, dropout: dropout)
        }
        let backward = rate(5 * work) {
            engine.attentionBackward(
                dy, qkv: qkv, y: y, logSumExp: sums.base, segments: segments, heads: heads, dropout: dropout,
                into: dqkv)
        }
        let name = "\(length) tokens\(dropout == nil ? "" : ", dropout")"
        report("attention, \(name)", forward, "flop")
        report("attentionBackward, \(name)", backward, "flop")
    }
}
