import AltaCore
import CAltaKernels

/// The arithmetic of one rank: matrix products by oneDNN, row-wise kernels in C, and what they need between calls
/// (primitives by shape, scratch memory, a team of threads).
///
/// A row of a result depends on that row of the input alone, never on the number of rows, their neighbours or the
/// number of threads; `checkRowIndependence()` tells whether this machine keeps that for products. An engine is used
/// by one thread at a time.
public final class Engine {
    /// Products work on this many rows at a time; `Arena.matrix` leaves room for it.
    public static let rowMultiple = 16
    /// The number of threads that kernels run on.
    public let threads: Int
    /// Memory for the temporaries of kernels: taken and released within each call.
    public let scratch: Arena

    /// An engine with `threads` threads, the calling one included.
    public init(threads: Int) throws {
        guard threads > 0 else {
            throw AltaError("an engine with \(threads) threads", remedy: "use at least 1 thread a rank")
        }
        self.threads = threads
        scratch = Arena(chunkBytes: 4 << 20)
    }

    /// `rows` rounded up to `rowMultiple`.
    public static func paddedRows(_ rows: Int) -> Int { (rows + rowMultiple - 1) / rowMultiple * rowMultiple }
}
