import AltaCore
import AltaTensor
import Testing

/// The passes between the products of the word-patch similarity, against their plain versions.
@Suite struct WordPatchTests {
    /// fp32 exponentials of arguments that are rounded to 6e-8 of 30, and sums of up to 208 of them.
    static let tolerance: Float = 4e-6
    /// Factors rounded to bf16: 2^-9 each.
    static let halfTolerance: Float = 8e-3

    private let engine: Engine
    private let arena = Arena()

    init() throws { engine = try Engine(threads: 1) }

    /// Reports of one word, of few and of many; columns of one vector, of four (a strip), of more and no whole strip.
    static let lengths = [1, 7, 60, 2, 130]
    static let patchCounts = [1, 16, 49, 64, 196]

    private func affinities(_ patches: Int, spread: Double = 3) -> (Matrix, Segments) {
        let segments = Segments(lengths: Self.lengths)
        let x = normalMatrix(arena, segments.rows, Engine.paddedColumns(patches), seed: 5, scale: spread)
        for w in 0..<x.rows {
            for p in patches..<x.columns { x[w, p] = 0 }
        }
        return (x, segments)
    }

    private func copy(_ x: Matrix) -> Matrix {
        let copy = arena.matrix(x.rows, x.columns)
        copy.copy(from: x)
        return copy
    }

    @Test(arguments: patchCounts) func softmaxOverWords(patches: Int) {
        let (x, segments) = affinities(patches)
        let expected = copy(x)
        engine.softmaxOverWords(x, segments: segments)
        Naive.softmaxOverWords(expected, segments: segments)
        #expect(relativeError(x, expected) < Self.tolerance)
        #expect((0..<patches).allSatisfy { x[0, $0] == 1 }, "a report of one word")
    }

    /// Where one word takes all, the others are tiny, and nothing overflows or is subnormal.
    @Test func softmaxOfLargeAffinities() {
        let (x, segments) = affinities(49, spread: 3e4)
        engine.softmaxOverWords(x, segments: segments)
        #expect(x.elements.allSatisfy { $0.isNormal && $0 > 0 && $0 <= 1 })
    }

    @Test func notFiniteAffinitiesAreSeen() {
        for bad in [Float.nan, .infinity] {
            let (x, segments) = affinities(49)
            x[4, 20] = bad
            engine.softmaxOverWords(x, segments: segments)
            #expect((1..<8).allSatisfy { x[$0, 20].isNaN } && !x[4, 21].isNaN && !x[0, 20].isNaN)
        }
    }

    @Test(arguments: patchCounts, [NumberFormat.full, .half]) func softmaxOverPatches(
        patches: Int, format: NumberFormat
    ) {
        let (x, segments) = affinities(patches)
        engine.softmaxOverWords(x, segments: segments)
        for scale: Float in [14.3, 100] {
            let found = forward(x, patches, scale, format)
            let expected = arena.matrix(x.rows, x.columns)
            Naive.softmaxOverPatches(x, patches: patches, scale: scale, into: expected)
            #expect(
                relativeError(found.softmax, expected) < (format == .full ? 4 * Self.tolerance : Self.halfTolerance))
            for w in 0..<x.rows {
                #expect((patches..<x.columns).allSatisfy { found.softmax[w, $0] == 0 })
            }
        }
    }

    private func forward(
        _ x: Matrix, _ patches: Int, _ scale: Float, _ format: NumberFormat
    ) -> (exponentials: Operand, reciprocals: UnsafeMutablePointer<Float>, softmax: Matrix) {
        let exponentials = arena.operand(x.rows, x.columns, format)
        let reciprocals = arena.matrix(1, x.rows).base
        engine.softmaxOverPatches(
            x, patches: patches, scale: scale, exponentials: exponentials, reciprocals: reciprocals)
        let softmax = arena.matrix(x.rows, x.columns)
        softmax.copy(from: engine.inFull(exponentials))
        for w in 0..<x.rows {
            for p in 0..<x.columns { softmax[w, p] *= reciprocals[w] }
        }
        return (exponentials, reciprocals, softmax)
    }

    @Test(arguments: patchCounts, [NumberFormat.full, .half]) func backThroughSoftmaxes(
        patches: Int, format: NumberFormat
    ) {
        let (x, segments) = affinities(patches)
        engine.softmaxOverWords(x, segments: segments)
        let scale: Float = 14.3
        let (exponentials, reciprocals, softmax) = forward(x, patches, scale, format)
        let gradient = normalMatrix(arena, x.rows, x.columns, seed: 6)
        let expected = arena.matrix(x.rows, x.columns)
        let expectedScale = Naive.backThroughSoftmaxes(
            x, segments: segments, scale: scale, softmax, gradient, into: expected)
        for w in 0..<x.rows {
            for p in 0..<x.columns { gradient[w, p] *= reciprocals[w] }
        }
        let result = format == .full ? .full(gradient) : arena.operand(x.rows, x.columns, format)
        let found = engine.backThroughSoftmaxes(
            x, segments: segments, scale: scale, exponentials: exponentials, reciprocals: reciprocals,
            gradient: gradient, into: result)
        let tolerance = format == .full ? 20 * Self.tolerance : Self.halfTolerance
        #expect(relativeError(engine.inFull(result), expected) < tolerance)
        #expect(
            abs(found - expectedScale) < Double(tolerance) * max(abs(expectedScale), 1), "\(found) \(expectedScale)")
    }

    @Test(arguments: [1, 11, 128]) func rows(width: Int) {
        let x = normalMatrix(arena, 9, width, seed: 1)
        let y = normalMatrix(arena, 9, width, seed: 2)
        var (products, squares) = (Array(repeating: 0.0, count: 9), Array(repeating: 0.0, count: 9))
        engine.rowProducts(x, y, products: &products, squares: &squares)
        let (alpha, beta) = ((0..<9).map { Float($0) - 3 }, (0..<9).map { 0.5 * Float($0) })
        let full = arena.matrix(9, width)
        let half = arena.halfMatrix(9, width)
        engine.combineRows(x, alpha, y, beta, into: .full(full))
        engine.combineRows(x, alpha, y, beta, into: .half(half))
        for r in 0..<9 {
            let pairs = (0..<width).map { (Double(x[r, $0]), Double(y[r, $0])) }
            #expect(abs(products[r] - pairs.reduce(0) { $0 + $1.0 * $1.1 }) < 1e-13 * Double(width))
            #expect(abs(squares[r] - pairs.reduce(0) { $0 + $1.1 * $1.1 }) < 1e-13 * Double(width))
            for c in 0..<width {
                let expected = Double(alpha[r]) * pairs[c].0 + Double(beta[r]) * pairs[c].1
                #expect(abs(Double(full[r, c]) - expected) < 3e-7 * 20)
                #expect(half[r, c] == BFloat16(full[r, c]).float)
            }
        }
    }

    @Test(arguments: [44, 4]) func fixedPoint(shift: Int) {
        let values = normalMatrix(arena, 1, 37, seed: 3, scale: 20)
        let scale = Double(sign: .plus, exponent: shift, significand: 1)
        var sums = (0..<37).map { Int64($0) }
        func add(limit: Float) -> Bool {
            engine.addFixedPoint(values.base, count: 37, scale: scale, limit: limit, into: &sums)
        }
        #expect(add(limit: 128))
        for i in 0..<37 {
            #expect(sums[i] == Int64(i) + Int64((Double(values[0, i]) * scale).rounded(.toNearestOrEven)))
        }
        for bad in [Float.nan, .infinity, -.infinity, 128, -128] {
            values[0, 36] = bad
            #expect(!add(limit: 128), "\(bad)")
        }
    }

    /// Each index once, every thread with an engine of its own, operations counted together.
    @Test(arguments: [1, 2, 3]) func shared(threads: Int) throws {
        let engine = try Engine(threads: threads)
        let counts = arena.matrix(1, 50)
        counts.fill(0)
        let weights = normalMatrix(arena, 16, 16, seed: 1)
        let results = (0..<50).map { _ in arena.matrix(16, 16) }
        engine.share(50) { index, thread, engine in
            precondition((0..<threads).contains(thread) && engine.threads == 1)
            counts.base[index] += 1
            engine.weightGradient(weights, weights, into: results[index], accumulate: false)
        }
        #expect(counts.elements.allSatisfy { $0 == 1 })
        #expect(results.allSatisfy { $0.hasBits(of: results[0]) })
        #expect(engine.operationCount == 50 * 2 * 16 * 16 * 16)
        engine.share(0) { _, _, _ in preconditionFailure("nothing to share") }
    }
}
