import AltaCore
import CAltaKernels

/// One operand of a plain product: stored rows `stride` apart, matrices of a batch `batchStride` apart.
struct PlainOperand: Hashable {
    var stride: Int
    var batchStride = 0
    /// The operand `[a, b]` is stored as `[b, a]`.
    var isTransposed = false

    fileprivate var kernelOperand: alta_plain_operand {
        alta_plain_operand(stride: stride, batch_stride: batchStride, transposed: isTransposed)
    }
}

/// `batch` times `y [m, n] (+)= op(x) [m, k] . op(w) [k, n]`, x and w in bf16.
struct PlainProduct: Hashable {
    var batch = 1
    let m: Int
    let k: Int
    let n: Int
    let x: PlainOperand
    let w: PlainOperand
    let y: PlainOperand
    let yFormat: NumberFormat
    let accumulate: Bool

    fileprivate var kernelShape: alta_plain_shape {
        alta_plain_shape(
            batch: batch, m: m, k: k, n: n, x: x.kernelOperand, w: w.kernelOperand, y: y.kernelOperand,
            format: ALTA_BF16, y_format: yFormat.kernelFormat, accumulate: accumulate)
    }
}

extension PlainProduct {
    /// `dW [outputs, inputs] (+)= dy [rows, outputs]^T . x [rows, inputs]` in fp32; rows of dy lie `dyStride` apart.
    static func weightGradient(
        rows: Int, outputs: Int, inputs: Int, dyStride: Int, dwStride: Int, accumulate: Bool
    ) -> PlainProduct {
        PlainProduct(
            m: outputs, k: rows, n: inputs, x: PlainOperand(stride: dyStride, isTransposed: true),
            w: PlainOperand(stride: inputs), y: PlainOperand(stride: dwStride), yFormat: .full, accumulate: accumulate)
    }
}

/// Products of bf16 matrices that are not packed, on one thread: weight gradients and attention.
///
/// oneDNN wants a primitive for each shape, which takes it about a millisecond; sequences come in many lengths.
final class PlainProducts {
    /// Primitives kept at most; then all are dropped, so that memory stays bounded over any number of lengths.
    static let largestCount = 4096
    private let handle: OpaquePointer
    private var products: [PlainProduct: OpaquePointer] = [:]

    init() throws { handle = try Engine.makeHandle(threads: 1) }

    deinit {
        forget()
        alta_engine_destroy(handle)
    }

    /// Computes the product.
    func run(
        _ product: PlainProduct, x: UnsafeRawPointer, w: UnsafeRawPointer, y: UnsafeMutableRawPointer
    ) {
        let status = alta_matmul_run(handle, primitive(product), x, w, nil, y)
        precondition(status == 0, "oneDNN failed on \(product): status \(status)")
    }

    /// The kernel that oneDNN chose.
    func kernelName(_ product: PlainProduct) -> String { String(cString: alta_matmul_kernel(primitive(product))) }

    private func primitive(_ product: PlainProduct) -> OpaquePointer {
        if let known = products[product] { return known }
        if products.count >= PlainProducts.largestCount { forget() }
        var made: OpaquePointer?
        let status = alta_plain_create(handle, product.kernelShape, &made)
        guard status == 0, let made else { preconditionFailure("oneDNN has no \(product): status \(status)") }
        products[product] = made
        return made
    }

    private func forget() {
        for product in products.values { alta_matmul_destroy(product) }
        products.removeAll(keepingCapacity: true)
    }
}
