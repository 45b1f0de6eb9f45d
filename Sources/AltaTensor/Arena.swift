/// Memory handed out in order and taken back by marks: activations live here, and a mark is a position on the tape.
///
/// Memory is kept until the arena goes, so a step that fits in the memory of the step before allocates nothing. It is one
/// range of addresses, in which no size of a matrix leaves gaps; chunks where there can be none, or small ones are enough.
public final class Arena {
    /// A position: everything handed out after it is taken back by `release(to:)`.
    public struct Mark: Equatable, Comparable, Sendable {
        let chunk: Int
        let offset: Int

        /// Earlier positions are smaller.
        public static func < (left: Mark, right: Mark) -> Bool {
            (left.chunk, left.offset) < (right.chunk, right.offset)
        }
    }

    /// The most bytes that were handed out at one time.
    public private(set) var highWaterBytes = 0
    private let range: AddressRange?
    private var chunks: [Region] = []
    private var bytesBeforeChunk: [Int] = []
    private var chunk = 0
    private var offset = 0
    private let chunkBytes: Int

    /// An empty arena that grows in one range of addresses, as large as the machine's memory.
    public init() {
        range = AddressRange.ofMachineSize()
        chunkBytes = AddressRange.stepByteCount
    }

    /// An empty arena that grows by chunks of at least `chunkBytes`.
    public init(chunkBytes: Int) {
        precondition(chunkBytes > 0, "chunks of \(chunkBytes) bytes")
        range = nil
        self.chunkBytes = chunkBytes
    }

    /// The present position.
    public var mark: Mark { Mark(chunk: chunk, offset: offset) }

    /// The bytes handed out now, alignment included.
    public var usedBytes: Int { (bytesBeforeChunk.isEmpty ? 0 : bytesBeforeChunk[chunk]) + offset }

    /// The bytes held from the system.
    public var reservedBytes: Int { range?.committedByteCount ?? chunks.reduce(0) { $0 + $1.byteCount } }

    /// Takes back everything handed out after `mark`.
    public func release(to mark: Mark) {
        precondition(mark <= self.mark, "released to \(mark), which lies after \(self.mark)")
        chunk = mark.chunk
        offset = mark.offset
    }

    /// Runs `body` and takes back what it was handed out.
    public func scoped<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = mark
        defer { release(to: start) }
        return try body()
    }

    /// An uninitialised matrix with room for `rows` rounded up to `Engine.rowMultiple`.
    public func matrix(_ rows: Int, _ columns: Int) -> Matrix {
        let padded = Arena.paddedRows(rows, columns)
        return Matrix(
            base: Arena.start(of: buffer(max(padded * columns, 1))), rows: rows, columns: columns,
            slackRows: padded - rows)
    }

    /// An uninitialised bf16 matrix with room for `rows` rounded up to `Engine.rowMultiple`.
    public func halfMatrix(_ rows: Int, _ columns: Int) -> HalfMatrix {
        let padded = Arena.paddedRows(rows, columns)
        return HalfMatrix(
            base: Arena.start(of: buffer(max(padded * columns, 1))), rows: rows, columns: columns,
            slackRows: padded - rows)
    }

    /// `count` uninitialised elements, aligned to 64 bytes.
    public func buffer<T: BitwiseCopyable>(_ count: Int) -> UnsafeMutableBufferPointer<T> {
        precondition(count >= 0, "a buffer of \(count) elements")
        let bytes = (count * MemoryLayout<T>.stride + Region.alignment - 1) & ~(Region.alignment - 1)
        let start = take(bytes).bindMemory(to: T.self, capacity: count)
        return UnsafeMutableBufferPointer(start: start, count: count)
    }

    private func take(_ bytes: Int) -> UnsafeMutableRawPointer {
        if let range {
            range.commit(offset + bytes)
        } else if chunks.isEmpty || offset + bytes > chunks[chunk].byteCount {
            nextChunk(atLeast: bytes)
        }
        let address = (range?.base ?? chunks[chunk].base) + offset
        offset += bytes
        highWaterBytes = max(highWaterBytes, usedBytes)
        return address
    }

    /// Moves on to a chunk with room; later chunks that are too small give way, since nothing lives in them.
    private func nextChunk(atLeast bytes: Int) {
        let next = chunks.isEmpty ? 0 : chunk + 1
        let before = usedBytes
        if next >= chunks.count || chunks[next].byteCount < bytes {
            chunks.removeSubrange(next...)
            bytesBeforeChunk.removeSubrange(next...)
            chunks.append(Region(byteCount: max(bytes, chunkBytes)))
            bytesBeforeChunk.append(before)
        }
        bytesBeforeChunk[next] = before
        chunk = next
        offset = 0
    }

    private static func paddedRows(_ rows: Int, _ columns: Int) -> Int {
        precondition(rows >= 0 && columns >= 0, "a matrix of \(rows) x \(columns)")
        return Engine.paddedRows(rows)
    }

    private static func start<T>(of buffer: UnsafeMutableBufferPointer<T>) -> UnsafeMutablePointer<T> {
        guard let start = buffer.baseAddress else { preconditionFailure("an empty buffer has no start") }
        return start
    }
}
