import AltaCore
import CAltaKernels

/// The arithmetic of one rank: matrix products by oneDNN (or plain loops, `ProductKernels`), row-wise kernels in C, and
/// what they need between calls (primitives by shape, scratch memory, a team of threads).
///
/// A row of a result depends on that row of the input alone, never on the number of rows, their neighbours or the
/// number of threads; `checkRowIndependence()` tells whether this machine keeps that for products. An engine is used
/// by one thread at a time.
public final class Engine {
    /// Products work on this many rows at a time; `Arena.matrix` leaves room for it.
    public static let rowMultiple = 16
    /// The number of threads that kernels run on.
    public let threads: Int
    /// The format of packed weights and of what they are multiplied with.
    public let format: NumberFormat
    /// Memory for the temporaries of kernels: taken and released within each call.
    public let scratch: Arena
    /// Floating-point operations of all matrix products so far, attention's among them: a multiplication and an
    /// addition count as two, rows added for the kernels' sake as none.
    public internal(set) var operationCount = 0
    /// What products run on.
    public let kernels: ProductKernels
    /// What the bf16 kernels run on.
    public let halfKernels: HalfKernels
    /// oneDNN's engine; nil where products are plain loops.
    let handle: OpaquePointer?
    /// Primitives of products with packed weights.
    let products = PrimitiveCache<PackedProduct>()
    let threadScratch: [Arena]
    /// Products of plain bf16 matrices, one set a thread.
    let threadProducts: [PlainProducts]
    /// What `share` lends to each thread; none where this engine has one thread and lends itself.
    let members: [Engine]

    /// An engine with `threads` threads, the calling one included. `halfKernels` is for comparisons: nil, as what the
    /// processor does not have, means its best.
    ///
    /// - Throws: `AltaError` where the kernels serve no engine of such threads and format, or oneDNN does not start.
    public init(
        threads: Int, format: NumberFormat = .full, kernels: ProductKernels = .fast, halfKernels: HalfKernels? = nil
    ) throws {
        guard threads > 0 && threads <= 1024 else {
            throw AltaError("an engine with \(threads) threads", remedy: "use 1 to 1024 threads a rank")
        }
        try kernels.check(threads: threads, format: format)
        self.threads = threads
        self.format = format
        self.kernels = kernels
        self.halfKernels = min(halfKernels ?? .tiles, .best)
        threadProducts = try kernels == .naive ? [] : (0..<threads).map { _ in try PlainProducts() }
        members =
            threads == 1
            ? [] : try (0..<threads).map { _ in try Engine(threads: 1, format: format, halfKernels: halfKernels) }
        scratch = Arena(chunkBytes: 4 << 20)
        threadScratch = (0..<threads).map { _ in Arena(chunkBytes: 1 << 20) }
        handle = try kernels == .naive ? nil : Engine.makeHandle(threads: threads)
    }

    deinit {
        products.forget()
        if let handle { alta_engine_destroy(handle) }
    }

    /// A new engine of the same kernels, with another number of threads or another format.
    public func other(threads: Int, format: NumberFormat) throws -> Engine {
        try Engine(threads: threads, format: format, kernels: kernels)
    }

    /// oneDNN's engine and stream; the caller destroys it.
    static func makeHandle(threads: Int) throws -> OpaquePointer {
        var made: OpaquePointer?
        let status = alta_engine_create(Int32(threads), &made)
        guard status == 0, let made else {
            throw AltaError(
                "oneDNN does not start", why: "its status is \(status)", remedy: "check the installed libdnnl")
        }
        return made
    }

    /// `rows` rounded up to `rowMultiple`.
    public static func paddedRows(_ rows: Int) -> Int { (rows + rowMultiple - 1) / rowMultiple * rowMultiple }
}
