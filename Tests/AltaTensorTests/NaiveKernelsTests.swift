import AltaCore
import AltaTensor
import Testing

/// Engines without oneDNN and OpenMP.
@Suite struct NaiveKernelsTests {
    @Test func productsAreThoseOfPlainLoopsToTheBit() throws {
        let engine = try Engine(threads: 1, kernels: .naive)
        let arena = Arena()
        let (rows, inputs, outputs) = (19, 33, 65)
        let x = normalMatrix(arena, rows, inputs, seed: 1)
        let weight = normalMatrix(arena, outputs, inputs, seed: 2)
        let bias = normalMatrix(arena, 1, outputs, seed: 3)
        let packed = engine.pack(weight)
        for accumulate in [false, true] {
            let (y, expected) = (
                normalMatrix(arena, rows, outputs, seed: 4), normalMatrix(arena, rows, outputs, seed: 4)
            )
            engine.forward(x, packed, bias: bias.base, into: y, accumulate: accumulate)
            Naive.forward(x, weight, bias: bias.base, into: expected, accumulate: accumulate)
            #expect(y.hasBits(of: expected))
            let (dx, expectedDx) = (
                normalMatrix(arena, rows, inputs, seed: 5), normalMatrix(arena, rows, inputs, seed: 5)
            )
            engine.backward(y, packed, into: dx, accumulate: accumulate)
            Naive.backward(y, weight, into: expectedDx, accumulate: accumulate)
            #expect(dx.hasBits(of: expectedDx))
        }
        let (dw, expectedDw) = (arena.matrix(outputs, inputs), arena.matrix(outputs, inputs))
        let dy = normalMatrix(arena, rows, outputs, seed: 6)
        engine.weightGradient(dy, x, into: dw, accumulate: false)
        Naive.weightGradient(dy, x, into: expectedDw, accumulate: false)
        #expect(dw.hasBits(of: expectedDw))
    }

    @Test func attentionAgreesWithOneDNN() throws {
        let arena = Arena()
        let segments = Segments(lengths: [5, 0, 12])
        let qkv = normalMatrix(arena, 17, 48, seed: 1)
        let results = try ProductKernels.allCases.map { kernels in
            let engine = try Engine(threads: 1, kernels: kernels)
            let (y, dqkv, sums) = (arena.matrix(17, 16), arena.matrix(17, 48), arena.matrix(17, 2))
            engine.attention(qkv, segments: segments, heads: 2, into: y, logSumExp: sums.base)
            engine.attentionBackward(
                y, qkv: qkv, y: y, logSumExp: sums.base, segments: segments, heads: 2, into: dqkv)
            return dqkv
        }
        #expect(relativeError(results[0], results[1]) < 1e-5)
    }

    /// Nothing of oneDNN is held, so nothing of it can run.
    @Test func nothingIsAskedOfOneDNN() throws {
        let engine = try Engine(threads: 1, kernels: .naive)
        #expect(engine.productError() == 0)
        #expect(engine.primitiveCount == 0 && engine.kernelNames { _ = engine.productError() } == [])
        #expect(engine.kernelFingerprint.contains("plain loops") && !engine.kernelFingerprint.contains("oneDNN"))
        #expect(engine.checkRowIndependence())
        #expect(try engine.other(threads: 1, format: .full).kernels == .naive)
        let packed = engine.packedByteCount(outputs: 33, inputs: 65)
        #expect(packed == (try Engine(threads: 1).packedByteCount(outputs: 33, inputs: 65)))
    }

    @Test func whatTheyCannotServeIsRefused() throws {
        for (threads, format, text) in [(1, NumberFormat.half, "fp32"), (2, .full, "one thread a rank")] {
            let error = #expect(throws: AltaError.self) {
                try Engine(threads: threads, format: format, kernels: .naive)
            }
            #expect(error?.description.contains(text) == true)
        }
        #expect(try ProductKernels(environment: [:]) == .fast)
        #expect(try ProductKernels(environment: ["ALTA_KERNELS": "naive"]) == .naive)
        let error = #expect(throws: AltaError.self) { try ProductKernels(environment: ["ALTA_KERNELS": "slow"]) }
        #expect(error?.description.contains("ALTA_KERNELS is slow") == true)
    }
}
