import AltaCore
import AltaTensor
import Testing

/// fp32 sums of up to 3072 exact products of bf16 numbers, against double ones.
private let sumTolerance: Float = 1e-5

/// Products of bf16 matrices: against naive ones of the same rounded numbers.
@Suite struct HalfProductTests {
    private let arena = Arena()

    @Test(arguments: [1, 2], [NumberFormat.full, .half])
    func packedProductsAgreeWithNaive(threads: Int, result: NumberFormat) throws {
        let engine = try Engine(threads: threads, format: .half)
        // A rounded result is off by half a unit in the last place, and once more where it was added to.
        let tolerance = result == .full ? sumTolerance : 2 * BFloat16.roundoff
        for (rows, inputs, outputs) in [
            (1, 64, 64), (3, 17, 5), (17, 65, 1), (16, 2, 3), (65, 64, 16), (50, 768, 192), (33, 16, 768),
            (48, 3072, 64), (200, 2304, 17), (30, 64, 800), (195, 832, 1000),
        ] {
            let (x, xFull) = rounded(rows, inputs, seed: 1)
            let (_, weight) = rounded(outputs, inputs, seed: 2)
            let bias = normalMatrix(arena, 1, outputs, seed: 3)
            let packed = engine.pack(weight)
            for accumulate in [false, true] {
                let (y, expected) = target(rows, outputs, result, seed: 4)
                engine.forward(.half(x), packed, bias: bias.base, into: y, accumulate: accumulate)
                Naive.forward(xFull, weight, bias: bias.base, into: expected, accumulate: accumulate)
                #expect(relativeError(floats(y), expected.toArray()) < tolerance, "\(rows) \(inputs) \(outputs)")
                let (dy, dyFull) = rounded(rows, outputs, seed: 5)
                let (dx, expectedDx) = target(rows, inputs, result, seed: 6)
                engine.backward(.half(dy), packed, into: dx, accumulate: accumulate)
                Naive.backward(dyFull, weight, into: expectedDx, accumulate: accumulate)
                #expect(relativeError(floats(dx), expectedDx.toArray()) < tolerance, "\(rows) \(inputs) \(outputs)")
            }
        }
    }

    @Test func weightGradientsAgreeWithNaiveAndAcrossThreads() throws {
        let (one, two) = (try Engine(threads: 1, format: .half), try Engine(threads: 2, format: .half))
        for (rows, inputs, outputs) in [
            (1, 64, 64), (84, 768, 16), (50, 16, 768), (197, 192, 64), (33, 768, 768), (167, 768, 192), (0, 8, 8),
            (320, 64, 500), (321, 64, 500), (64, 48, 192), (96, 31, 65),
        ] {
            let ((x, xFull), (dy, dyFull)) = (rounded(rows, inputs, seed: 1), rounded(rows, outputs, seed: 2))
            for accumulate in [false, true] {
                let (first, second) = (
                    normalMatrix(arena, outputs, inputs, seed: 3), normalMatrix(arena, outputs, inputs, seed: 3)
                )
                let expected = normalMatrix(arena, outputs, inputs, seed: 3)
                one.weightGradient(dy, x, into: first, accumulate: accumulate)
                two.weightGradient(dy, x, into: second, accumulate: accumulate)
                Naive.weightGradient(dyFull, xFull, into: expected, accumulate: accumulate)
                #expect(relativeError(first, expected) < sumTolerance, "\(rows) \(inputs) \(outputs)")
                #expect(first.hasBits(of: second), "\(rows) \(inputs) \(outputs)")
            }
        }
        #expect(one.operationCount == two.operationCount)
    }

    /// Weights train in fp32: what is packed again is what they are now.
    @Test func packingAgainRoundsTheNewNumbers() throws {
        let engine = try Engine(threads: 1, format: .half)
        let (x, xFull) = rounded(20, 64, seed: 1)
        let packed = engine.pack(normalMatrix(arena, 64, 64, seed: 2))
        let (_, other) = rounded(64, 64, seed: 3)
        engine.repack(packed, from: other)
        let (y, expected) = (arena.matrix(20, 64), arena.matrix(20, 64))
        engine.forward(.half(x), packed, bias: nil, into: .full(y))
        Naive.forward(xFull, other, bias: nil, into: expected)
        #expect(relativeError(y, expected) < sumTolerance)
        #expect(
            engine.packedByteCount(outputs: 768, inputs: 768) * 2
                == (try Engine(threads: 1).packedByteCount(outputs: 768, inputs: 768)))
    }

    /// The bits are a function of the rows: not of what lies after them, which the kernels' rows reach into.
    @Test(arguments: [1, 31, 84, 320, 321]) func weightGradientsReadTheirRowsAlone(rows: Int) throws {
        let engine = try Engine(threads: 1, format: .half)
        let ((x, _), (dy, _)) = (rounded(rows, 96, seed: 1), rounded(rows, 200, seed: 2))
        let (wideX, wideDy) = (arena.halfMatrix(rows + 40, 96), arena.halfMatrix(rows + 40, 200))
        for (wide, part) in [(wideX, x), (wideDy, dy)] {
            wide.fill(.nan)
            wide.rows(3..<3 + rows).copy(from: part)
        }
        let (alone, within) = (arena.matrix(200, 96), arena.matrix(200, 96))
        engine.weightGradient(dy, x, into: alone, accumulate: false)
        engine.weightGradient(
            wideDy.rows(3..<3 + rows), wideX.rows(3..<3 + rows), into: within, accumulate: false)
        #expect(alone.hasBits(of: within))
    }

    /// Where the processor multiplies bf16, oneDNN must have its own kernels for every product of the published model:
    /// its fallbacks are up to ten times slower.
    @Test func everyProductOfTheModelHasAFastKernel() throws {
        guard try Engine.multipliesHalf() else { return }
        let engine = try Engine(threads: 1, format: .half)
        for (outputs, inputs) in [
            (2304, 768), (768, 768), (3072, 768), (768, 3072), (192, 768), (768, 192), (512, 768), (512, 512),
            (768, 512), (30522, 768), (1536, 512), (2048, 512), (512, 2048), (3072, 512), (128, 768),
        ] {
            arena.scoped {
                let packed = engine.pack(zeros(outputs, inputs))
                for format in NumberFormat.allCases {
                    let x = arena.operand(200, inputs, format)
                    let y = arena.operand(200, outputs, format)
                    for accumulate in [false, true] {
                        let names = engine.kernelNames {
                            engine.forward(engine.inFormat(x), packed, bias: nil, into: y, accumulate: accumulate)
                            engine.backward(engine.inFormat(y), packed, into: x, accumulate: accumulate)
                        }
                        #expect(isFast(names), "[\(outputs), \(inputs)], \(format): \(names)")
                    }
                }
            }
        }
    }

    /// So must it for the weight gradients of a study: of adapters, projections and the largest linear layers.
    @Test(arguments: [1, 20, 50, 84, 167, 200, 320])
    func everyWeightGradientOfAStudyHasAFastKernel(rows: Int) throws {
        guard try Engine.multipliesHalf() else { return }
        let engine = try Engine(threads: 2, format: .half)
        for (outputs, inputs) in [
            (192, 768), (768, 192), (768, 768), (512, 768), (512, 512), (2304, 768), (3072, 768), (768, 3072),
        ] {
            arena.scoped {
                let (dy, x) = (arena.halfMatrix(rows, outputs), arena.halfMatrix(rows, inputs))
                for accumulate in [false, true] {
                    let names = engine.kernelNames {
                        engine.weightGradient(dy, x, into: zeros(outputs, inputs), accumulate: accumulate)
                    }
                    #expect(isFast(names), "[\(outputs), \(inputs)] over \(rows): \(names)")
                }
            }
        }
    }

    private func isFast(_ names: [String]) -> Bool { !names.isEmpty && names.allSatisfy { $0.hasPrefix("brg") } }

    private func zeros(_ rows: Int, _ columns: Int) -> Matrix {
        let matrix = arena.matrix(rows, columns)
        matrix.fill(0)
        return matrix
    }

    private func rounded(_ rows: Int, _ columns: Int, seed: UInt64) -> (half: HalfMatrix, full: Matrix) {
        let full = normalMatrix(arena, rows, columns, seed: seed)
        let half = arena.halfMatrix(rows, columns)
        half.copy(from: full.toArray())
        full.copy(from: half.toArray())
        return (half, full)
    }

    private func target(
        _ rows: Int, _ columns: Int, _ format: NumberFormat, seed: UInt64
    ) -> (result: Operand, expected: Matrix) {
        let (half, full) = rounded(rows, columns, seed: seed)
        let copy = arena.matrix(rows, columns)
        copy.copy(from: full)
        return (format == .half ? .half(half) : .full(copy), full)
    }

    private func floats(_ operand: Operand) -> [Float] {
        switch operand {
        case .full(let matrix): matrix.toArray()
        case .half(let matrix): matrix.toArray()
        }
    }
}
