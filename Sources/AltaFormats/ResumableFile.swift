import AltaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A large file that is written in pieces and may be continued by a later process: it lies under `path` + `.partial` until
/// `finish` puts it in place.
///
/// What a partial file holds must be checked before it is continued: the process before may have died in the middle of a
/// write, and nothing is flushed to the disk before `finish`. Every call names its place in the file, so that threads may
/// share one. One process at a time: the others are told.
public final class ResumableFile: Sendable {
    /// What follows the final name while the file is not complete.
    public static let suffix = ".partial"

    /// The final name.
    public let path: String
    private let descriptor: Int32

    /// Opens the partial file, or creates it.
    ///
    /// Errors: it cannot be opened or created, another process is writing it, the final name is a folder or a device.
    public convenience init(path: String) throws { try self.init(path: path, whenOpen: {}) }

    /// As `init(path:)`.
    /// - Parameter whenOpen: called between the opening and the locking, where another process may finish the file.
    package init(path: String, whenOpen: () throws -> Void) throws {
        self.path = path
        try Self.checkFree(path)
        descriptor = try Self.openLocked(path + Self.suffix, whenOpen: whenOpen)
    }

    deinit { close(descriptor) }

    /// How often a file that was finished between its opening and its locking is opened again.
    private static let attempts = 10

    private static func openLocked(_ partial: String, whenOpen: () throws -> Void) throws -> Int32 {
        for _ in 0..<attempts {
            let descriptor = open(partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw AltaError.system("cannot create a file", file: partial) }
            var isKept = false
            defer { if !isKept { close(descriptor) } }
            try whenOpen()
            // Some network file systems have no locks: there two writers are the user's to keep apart.
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else { throw isBusy(partial) }
            // Who had the lock before may have put this very file in place: its content is then no longer ours to change.
            isKept = try isNamed(descriptor, partial)
            if isKept { return descriptor }
        }
        throw isBusy(partial)
    }

    /// Whether an open file still has this name.
    private static func isNamed(_ descriptor: Int32, _ path: String) throws -> Bool {
        var (own, named) = (stat(), stat())
        guard fstat(descriptor, &own) == 0 else { throw AltaError.system("cannot read a file", file: path) }
        return lstat(path, &named) == 0 && own.st_dev == named.st_dev && own.st_ino == named.st_ino
    }

    private static func isBusy(_ partial: String) -> AltaError {
        AltaError(
            "another process is writing this file", remedy: "wait for its end, or choose another --output",
            file: partial)
    }

    private static func checkFree(_ path: String) throws {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & S_IFMT != S_IFREG else { return }
        throw AltaError(
            "cannot write a file", why: "it is a folder or a device", remedy: "name a file in it, or another path",
            file: path)
    }

    /// How long the partial file is.
    public func byteCount() throws -> Int {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw failure("cannot read a file") }
        return Int(facts.st_size)
    }

    /// The bytes in `range`, fewer where the file ends before.
    public func read(_ range: Range<Int>) throws -> [UInt8] {
        precondition(range.lowerBound >= 0, "bytes \(range) of \(path)")
        var fault: AltaError?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while count < range.count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + count }, range.count - count,
                    off_t(range.lowerBound + count))
                if got < 0, errno == EINTR { continue }
                if got < 0 { fault = failure("cannot read a file") }
                guard got > 0 else { return }
                count += got
            }
        }
        if let fault { throw fault }
        return bytes
    }

    /// Writes bytes at a place. Errors: the system cannot (as a full disk); what was written before stays.
    public func write(_ bytes: [UInt8], at offset: Int) throws {
        precondition(offset >= 0, "offset \(offset) of \(path)")
        try bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                // One call takes at most 2 GB.
                let count = pwrite(
                    descriptor, bytes.baseAddress.map { $0 + done }, min(bytes.count - done, 1 << 30),
                    off_t(offset + done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure("cannot write a file") }
                done += count
            }
        }
    }

    /// Cuts the file, or makes it longer with zeros.
    public func setByteCount(_ byteCount: Int) throws {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failure("cannot write a file") }
    }

    /// Makes everything durable: after this, what is written next cannot reach the disk before what was written so far.
    public func flush() throws {
        guard fsync(descriptor) == 0 else { throw failure("cannot write a file") }
    }

    /// Flushes the file to the disk, renames it to its final name and flushes the folder.
    public func finish() throws {
        try flush()
        guard rename(path + Self.suffix, path) == 0 else {
            throw AltaError.system("cannot put a file in place", file: path)
        }
        try AtomicFile.flushFolder(of: path)
    }

    private func failure(_ what: String) -> AltaError { AltaError.system(what, file: path + Self.suffix) }
}
