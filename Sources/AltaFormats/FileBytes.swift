import AltaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of a file, mapped read-only: pages are read when touched and shared by all processes of a machine.
///
/// The file must not be shortened while it is mapped (the system then ends the process with SIGBUS); files that this
/// system writes are replaced by renaming, which leaves a mapped one whole.
public final class FileBytes: @unchecked Sendable {  // the memory is never written after initialisation
    /// Where it came from, for messages.
    public let path: String
    /// The bytes; valid as long as this object lives.
    public let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Maps a file.
    ///
    /// Errors: it cannot be opened, is a folder or another thing without bytes, or cannot be mapped.
    /// - Parameter what: what the file is, as "the vocabulary", for messages.
    public init(mapping path: String, what: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AltaError.system("cannot open \(what)", file: path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AltaError.system("cannot read \(what)", file: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw AltaError(
                "cannot read \(what)", why: "it is a folder or a device, not a file", remedy: "name a file", file: path)
        }
        self.path = path
        let byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            isMapped = false
            return
        }
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw AltaError.system("cannot map \(what) (\(byteCount) bytes)", file: path)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: byteCount)
        isMapped = true
    }

    /// Copies bytes that did not come from a file, under a name for messages.
    public init(copying content: some Collection<UInt8>, name: String) {
        path = name
        isMapped = false
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 64)
        copy.copyBytes(from: content)
        bytes = UnsafeRawBufferPointer(copy)
    }

    /// Asks the system to read bytes ahead in one piece, so that a slow disk or a network is not asked page by page.
    ///
    /// Nothing waits and nothing fails: it is advice.
    public func readAhead(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "bytes \(range) of \(bytes.count)")
        guard isMapped, !range.isEmpty else { return }
        let start = range.lowerBound / Self.pageByteCount * Self.pageByteCount
        _ = posix_madvise(
            UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { $0 + start }), range.upperBound - start,
            POSIX_MADV_WILLNEED)
    }

    private static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

    /// Gives the pages that lie within a range of the bytes back to the system: they are read again when touched, and until
    /// then count to no process. The bytes stay valid.
    public func releasePages(in range: Range<Int>) {
        guard isMapped, let start = bytes.baseAddress else { return }
        let pageByteCount = Int(getpagesize())
        let first = (range.lowerBound + pageByteCount - 1) / pageByteCount * pageByteCount
        let last = range.upperBound / pageByteCount * pageByteCount
        guard first < last else { return }
        // A wish: where it is refused, the pages stay.
        _ = madvise(UnsafeMutableRawPointer(mutating: start + first), last - first, MADV_DONTNEED)
    }

    deinit {
        if isMapped {
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        } else if bytes.baseAddress != nil {
            bytes.deallocate()
        }
    }
}
