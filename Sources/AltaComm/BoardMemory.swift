import AltaCore
import Glibc
import Synchronization

/// The words of a board: a mapped file, or memory of this process that now and then is copied to one.
///
/// Every access is atomic, since other threads and processes read while one thread writes.
final class BoardMemory: @unchecked Sendable {
    private let first: UnsafeMutablePointer<Atomic<UInt64>>
    /// The file that the memory is copied to; nil: it needs none.
    private let copy: Int32?

    private init(_ start: UnsafeMutableRawPointer, copy: Int32?) {
        first = start.bindMemory(to: Atomic<UInt64>.self, capacity: RankStatusLayout.wordCount)
        self.copy = copy
    }

    deinit {
        munmap(first, RankStatusLayout.byteCount)
        if let copy { close(copy) }
    }

    /// Memory of this process alone, zero at first; copied to `copy`, which it then owns, at each `copyOut`.
    static func anonymous(copiedTo copy: Int32? = nil) throws -> BoardMemory {
        let start = mmap(
            nil, RankStatusLayout.byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return BoardMemory(try checked(start, "anonymous memory"), copy: copy)
    }

    /// A file's memory; what is stored is the file's at once. Closes the descriptor.
    static func mapped(_ descriptor: Int32, path: String) throws -> BoardMemory {
        defer { close(descriptor) }
        let start = mmap(nil, RankStatusLayout.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        return BoardMemory(try checked(start, path), copy: nil)
    }

    private static func checked(_ start: UnsafeMutableRawPointer?, _ path: String) throws -> UnsafeMutableRawPointer {
        guard let start, start != MAP_FAILED else { throw AltaError.system("cannot map a rank's status", file: path) }
        return start
    }

    func store(_ word: Int, _ value: UInt64) { first[word].store(value, ordering: .relaxed) }

    /// Stores after all that was stored before.
    func release(_ word: Int, _ value: UInt64) { first[word].store(value, ordering: .releasing) }

    func load(_ word: Int) -> UInt64 { first[word].load(ordering: .relaxed) }

    /// All words; one state where `RankStatus.isWhole`.
    func words() -> [UInt64] {
        let written = first[RankStatusLayout.writtenWord].load(ordering: .acquiring)
        var words = (0..<RankStatusLayout.writingWord).map(load)
        words[RankStatusLayout.writtenWord] = written
        atomicMemoryFence(ordering: .acquiring)
        words.append(load(RankStatusLayout.writingWord))
        return words
    }

    /// Whether others see the words only once they are copied out.
    var isCopied: Bool { copy != nil }

    /// Writes the words to the file that others read, where the memory is not that file's own.
    func copyOut() {
        guard let copy else { return }
        var image = words()
        for _ in 0..<8 where !RankStatus.isWhole(image) { image = words() }
        // A status that cannot be written now is written at the next heartbeat.
        _ = image.withUnsafeBytes { pwrite(copy, $0.baseAddress, $0.count, 0) }
        // A client of a file server keeps what an open file was told for some thirty seconds otherwise.
        _ = fdatasync(copy)
    }
}
