import AltaCore
import CAltaKernels

/// What an engine's matrix products run on.
public enum ProductKernels: String, CaseIterable, Sendable {
    /// oneDNN's kernels.
    case fast
    /// Plain loops on the calling thread that sum in double precision, in fp32 only. Neither oneDNN nor OpenMP runs, which
    /// the thread sanitizer cannot see into; and a second opinion where numbers look wrong.
    case naive

    /// The variable of the environment that chooses.
    public static let variable = "ALTA_KERNELS"

    /// What the environment says; `fast` where it says nothing.
    ///
    /// - Throws: `AltaError` where it says anything else.
    public init(environment: [String: String]) throws {
        let text = environment[ProductKernels.variable] ?? ProductKernels.fast.rawValue
        guard let kernels = ProductKernels(rawValue: text) else {
            throw AltaError(
                "\(ProductKernels.variable) is \(text)", why: "it must be fast or naive",
                remedy: "leave it out for oneDNN's kernels")
        }
        self = kernels
    }

    /// Refuses an engine that these kernels cannot serve.
    func check(threads: Int, format: NumberFormat) throws {
        guard self == .naive else { return }
        let remedy = "leave \(ProductKernels.variable) out for oneDNN's kernels"
        if format == .half {
            throw AltaError("naive kernels compute in fp32", remedy: "set precision to fp32, or \(remedy)")
        }
        if threads > 1 {
            throw AltaError(
                "an engine of naive kernels with \(threads) threads", why: "they run on the calling thread",
                remedy: "use one thread a rank, or \(remedy)")
        }
    }

    /// `C [m, n] = alpha op(A) op(B) + beta C` in fp32; see `Engine.product`.
    func product(
        threads: Int, m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int, transposeA: Bool,
        b: UnsafePointer<Float>, ldb: Int, transposeB: Bool, beta: Float, c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard self == .fast else {
            return Naive.product(
                m: m, n: n, k: k, alpha: alpha, a: a, lda: lda, transposeA: transposeA, b: b, ldb: ldb,
                transposeB: transposeB, beta: beta, c: c, ldc: ldc)
        }
        let status = alta_sgemm(
            Int32(threads), transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
        precondition(status == 0, "oneDNN refused a product of \(m) x \(n) x \(k): status \(status)")
    }
}
