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

/// Products of bf16 matrices that are not packed, on one thread: weight gradients.
///
/// oneDNN wants a primitive for each shape.
final class PlainProducts {
    let primitives = PrimitiveCache<PlainProduct>()
    private let handle: OpaquePointer

    init() throws { handle = try Engine.makeHandle(threads: 1) }

    deinit {
        primitives.forget()
        alta_engine_destroy(handle)
    }

    /// Computes the product.
    func run(
        _ product: PlainProduct, x: UnsafeRawPointer, w: UnsafeRawPointer, y: UnsafeMutableRawPointer
    ) {
        let primitive = primitives.primitive(product) { alta_plain_create(handle, product.kernelShape, &$0) }
        let status = alta_matmul_run(handle, primitive, x, w, nil, y)
        precondition(status == 0, "oneDNN failed on \(product): status \(status)")
    }
}
