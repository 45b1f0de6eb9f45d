import AltaCore
import CAltaKernels

extension Engine {
    /// Whether a row of `forward` and `backward` has the same bits however many rows there are, as reproducible runs
    /// need. To be asked at start: it is not so where oneDNN has no packed kernel for the processor (AVX2 and below).
    public func checkRowIndependence() -> Bool {
        // The widths of adapters, heads, long inner dimensions and odd ones; ranges that differed where it is not so.
        let shapes = [(192, 64), (16, 768), (768, 16), (33, 65), (8, 64), (64, 2304), (64, 3072), (192, 1024)]
        return shapes.allSatisfy { outputs, inputs in
            scratch.scoped { rowsAreIndependent(outputs: outputs, inputs: inputs) }
        }
    }

    /// The kernel that oneDNN chose for products with weights of this shape, for records: `brg:avx512_core` and its
    /// kind are packed ones, `gemm:jit` is not.
    public func kernelName(outputs: Int, inputs: Int) -> String {
        let product = PackedProduct(
            rows: 256, inner: inputs, columns: outputs, format: format, yFormat: format, hasBias: false,
            accumulate: false)
        return String(cString: alta_matmul_kernel(primitive(product)))
    }

    /// The kernel that oneDNN chose for weight gradients in bf16 over so many rows, for records.
    public func weightGradientKernelName(rows: Int, outputs: Int, inputs: Int) -> String {
        threadProducts[0].kernelName(
            .weightGradient(
                rows: rows, outputs: outputs, inputs: inputs, dyStride: outputs, dwStride: inputs, accumulate: false))
    }

    /// Whether this processor has instructions for bf16 products (AVX-512 BF16 or AMX) and oneDNN uses them. Without,
    /// oneDNN converts numbers back and forth, which is slower than fp32.
    public static func multipliesHalf() throws -> Bool {
        try Engine(threads: 1, format: .half).kernelName(outputs: 768, inputs: 768).hasPrefix("brg")
    }

    /// How far products with packed weights are from a plain loop's, as a share of its largest value: the worst of a few
    /// shapes, in both directions. What is timed is checked with it first.
    public func productError() -> Float {
        [(192, 64), (16, 96), (33, 65)].map { outputs, inputs in
            scratch.scoped { productError(outputs: outputs, inputs: inputs) }
        }.max() ?? 0
    }

    /// What `productError` stays below: sums of up to 192 products in fp32, in another order; in bf16 what rounding both
    /// factors can do.
    public var productTolerance: Float { format == .half ? 2 * BFloat16.roundoff : 1e-5 }

    private func productError(outputs: Int, inputs: Int) -> Float {
        let rows = 37
        let weight = Engine.sample(scratch.matrix(outputs, inputs), 1)
        let x = Engine.sample(scratch.matrix(rows, inputs), 2)
        let packed = pack(weight)
        let (y, expectedY) = (scratch.matrix(rows, outputs), scratch.matrix(rows, outputs))
        let (dx, expectedX) = (scratch.matrix(rows, inputs), scratch.matrix(rows, inputs))
        forward(inFormat(.full(x)), packed, bias: nil, into: .full(y))
        Naive.forward(x, weight, bias: nil, into: expectedY)
        backward(inFormat(.full(expectedY)), packed, into: .full(dx), accumulate: false)
        Naive.backward(expectedY, weight, into: expectedX, accumulate: false)
        return max(y.largestDifference(to: expectedY), dx.largestDifference(to: expectedX))
    }

    private func rowsAreIndependent(outputs: Int, inputs: Int) -> Bool {
        let rows = 560
        let packed = pack(Engine.sample(scratch.matrix(outputs, inputs), 1))
        let x = inFormat(.full(Engine.sample(scratch.matrix(rows, inputs), 2)))
        let y = scratch.operand(rows, outputs, format)
        let dx = scratch.operand(rows, inputs, format)
        forward(x, packed, bias: nil, into: y)
        backward(y, packed, into: dx, accumulate: false)
        return [0..<1, 5..<22, 7..<39, 2..<50, 100..<211, 16..<288, 0..<496].allSatisfy { range in
            let yPart = scratch.operand(range.count, outputs, format)
            let dxPart = scratch.operand(range.count, inputs, format)
            forward(x.rows(range), packed, bias: nil, into: yPart)
            backward(yPart, packed, into: dxPart, accumulate: false)
            return yPart.hasBits(of: y.rows(range)) && dxPart.hasBits(of: dx.rows(range))
        }
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
