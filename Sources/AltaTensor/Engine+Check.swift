import AltaCore
import CAltaKernels

extension Engine {
    /// Whether a row of `forward` and `backward` has the same bits however many rows there are, as reproducible runs
    /// need. To be asked at start: it is not so where oneDNN has no packed kernel for the processor (AVX2 and below).
    public func checkRowIndependence() -> Bool {
        // Plain loops sum each row by itself.
        if kernels == .naive { return true }
        // The widths of adapters, heads, long inner dimensions and odd ones; ranges that differed where it is not so.
        let shapes = [(192, 64), (16, 768), (768, 16), (33, 65), (8, 64), (64, 2304), (64, 3072), (192, 1024)]
        let ranges = [0..<1, 5..<22, 7..<39, 2..<50, 100..<211, 16..<288, 0..<496]
        return placesAreIndependent()
            && shapes.allSatisfy { outputs, inputs in
                let arena = Arena()
                let packed = pack(Engine.sample(arena.matrix(outputs, inputs), 1))
                return rowsAreIndependent(packed, rows: 560, ranges, arena)
            }
    }

    /// The same of products with one weight, which has the engine's format: its shape may be one of many that
    /// `checkRowIndependence()` does not try. Nothing is kept of the memory that it takes.
    public func checkRowIndependence(of weight: PackedMatrix) -> Bool {
        kernels == .naive || rowsAreIndependent(weight, rows: 240, [0..<1, 5..<22, 2..<50, 100..<211], Arena())
    }

    /// Whether this processor has instructions for bf16 products (AVX-512 BF16 or AMX) and oneDNN uses them. Without,
    /// oneDNN converts numbers back and forth, which is slower than fp32.
    public static func multipliesHalf() throws -> Bool {
        let engine = try Engine(threads: 1, format: .half)
        var bytes = 0
        // Below AVX-512 oneDNN has no such product at all.
        guard alta_packed_bytes(engine.handle, ALTA_BF16, 64, 64, &bytes) == 0 else { return false }
        let names = engine.kernelNames {
            engine.scratch.scoped { _ = engine.productError(rows: 16, outputs: 64, inputs: 64) }
        }
        return names.allSatisfy { $0.hasPrefix("brg") }
    }

    /// How far products are from a plain loop's, as a share of its largest value: the worst of a few shapes with packed
    /// weights, in both directions, and of weight gradients. What is timed is checked with it first.
    ///
    /// The shapes are small ones, one whose inner dimension is cut into panels (3072) and one whose columns are (800).
    public func productError() -> Float {
        [(192, 64), (16, 96), (33, 65), (64, 3072), (800, 64)].map { outputs, inputs in
            scratch.scoped { productError(rows: 17, outputs: outputs, inputs: inputs) }
        }.max() ?? 0
    }

    /// What `productError` stays below: sums of up to 3072 products in fp32, in another order; in bf16 what rounding both
    /// factors can do.
    public var productTolerance: Float { format == .half ? 2 * BFloat16.roundoff : 1e-5 }

    private func productError(rows: Int, outputs: Int, inputs: Int) -> Float {
        let weight = Engine.sample(scratch.matrix(outputs, inputs), 1)
        let x = Engine.sample(scratch.matrix(rows, inputs), 2)
        let dy = Engine.sample(scratch.matrix(rows, outputs), 3)
        let packed = pack(weight)
        let results = [scratch.matrix(rows, outputs), scratch.matrix(rows, inputs), scratch.matrix(outputs, inputs)]
        let expected = results.map { scratch.matrix($0.rows, $0.columns) }
        forward(inFormat(.full(x)), packed, bias: nil, into: .full(results[0]))
        Naive.forward(x, weight, bias: nil, into: expected[0])
        backward(inFormat(.full(dy)), packed, into: .full(results[1]), accumulate: false)
        Naive.backward(dy, weight, into: expected[1], accumulate: false)
        weightGradient(inFormat(.full(dy)), inFormat(.full(x)), into: results[2], accumulate: false)
        Naive.weightGradient(dy, x, into: expected[2], accumulate: false)
        return zip(results, expected).map { $0.largestDifference(to: $1) }.max() ?? 0
    }

    /// Whether rows `ranges` of 0..<rows come out alone as they do among all.
    private func rowsAreIndependent(
        _ packed: PackedMatrix, rows: Int, _ ranges: [Range<Int>], _ arena: Arena
    ) -> Bool {
        let x = arena.operand(rows, packed.inputs, format)
        add(.full(Engine.sample(arena.matrix(rows, packed.inputs), 2)), into: x, accumulate: false)
        let y = arena.operand(rows, packed.outputs, format)
        let dx = arena.operand(rows, packed.inputs, format)
        forward(x, packed, bias: nil, into: y)
        backward(y, packed, into: dx, accumulate: false)
        return ranges.allSatisfy { range in
            arena.scoped {
                let yPart = arena.operand(range.count, packed.outputs, format)
                let dxPart = arena.operand(range.count, packed.inputs, format)
                forward(x.rows(range), packed, bias: nil, into: yPart)
                backward(yPart, packed, into: dxPart, accumulate: false)
                return yPart.hasBits(of: y.rows(range)) && dxPart.hasBits(of: dx.rows(range))
            }
        }
    }

    /// Whether a study's products without a packed weight (weight gradients, in the engine's format and in fp32) do not
    /// depend on where its rows lie in memory. Their shapes are the study's alone.
    private func placesAreIndependent() -> Bool {
        [(33, 65, 21), (64, 192, 50), (61, 196, 128)].allSatisfy { outputs, inputs, rows in
            scratch.scoped {
                let (first, all) = (3, rows + 7)
                let x = Operand.full(Engine.sample(scratch.matrix(all, inputs), 2))
                let dy = Operand.full(Engine.sample(scratch.matrix(all, outputs), 3))
                let pairs = format == .full ? [(x, dy)] : [(x, dy), (inFormat(x), inFormat(dy))]
                return pairs.allSatisfy { x, dy in
                    let (inPlace, copied) = (scratch.matrix(outputs, inputs), scratch.matrix(outputs, inputs))
                    let own = first..<first + rows
                    weightGradient(dy.rows(own), x.rows(own), into: inPlace, accumulate: false)
                    weightGradient(copy(dy.rows(own)), copy(x.rows(own)), into: copied, accumulate: false)
                    return inPlace.hasBits(of: copied)
                }
            }
        }
    }

    /// The rows at the start of memory of their own.
    private func copy(_ rows: Operand) -> Operand {
        let copy = scratch.operand(rows.rows, rows.columns, rows.format)
        copy.copy(from: rows)
        return copy
    }

    /// Numbers in -0.5 ..< 0.5, the same everywhere.
    static func sample(_ matrix: Matrix, _ stream: UInt64) -> Matrix {
        let key = RandomKey(seed: stream, purpose: .test)
        for e in 0..<matrix.count { matrix.base[e] = key.uniform(e) - 0.5 }
        return matrix
    }
}

extension Matrix {
    /// Whether another matrix of this shape has the same bits in every element.
    public func hasBits(of other: Matrix) -> Bool {
        precondition(other.rows == rows && other.columns == columns, "\(shape) compared with \(other.shape)")
        return zip(elements, other.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
    }

    /// The largest difference to another matrix of this shape, over that one's largest value; infinite where a number is
    /// not finite.
    func largestDifference(to expected: Matrix) -> Float {
        var (difference, largest): (Float, Float) = (0, 0)
        for (value, other) in zip(elements, expected.elements) {
            guard value.isFinite, other.isFinite else { return .infinity }
            difference = max(difference, abs(value - other))
            largest = max(largest, abs(other))
        }
        return difference / max(largest, .leastNormalMagnitude)
    }
}

extension Operand {
    /// Whether another operand of this shape and format has the same bits in every element.
    public func hasBits(of other: Operand) -> Bool {
        switch (self, other) {
        case (.full(let one), .full(let two)): one.hasBits(of: two)
        case (.half(let one), .half(let two)): one.hasBits(of: two)
        default: preconditionFailure("\(format) \(shape) compared with \(other.format) \(other.shape)")
        }
    }
}
