#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files that are either there as a whole or not at all, through crashes and power failures.
public enum AtomicFile {
    /// Writes a file under a temporary name, flushes it to the disk, renames it over `path` and flushes the folder.
    ///
    /// A device or a pipe (`/dev/stdout`, `/dev/null`) is written to, not replaced; a folder is refused.
    /// Where anything fails, `path` is as it was before and the temporary file is gone. Errors name the path, the
    /// reason and a remedy (disk full, no permission, read-only); what `content` throws is passed on.
    /// - Parameters:
    ///   - temporary: the name to write under first, in the same file system; nil: `path` + `.partial`. Two writers of
    ///     one path need two of them.
    ///   - progress: called after each part that the system took.
    ///   - content: writes the bytes to the sink.
    public static func write(
        _ path: String, temporary: String? = nil, progress: @escaping () -> Void = {},
        content: (FileSink) throws -> Void
    ) throws {
        if try isDevice(path) { return try writeThrough(path, content) }
        let temporary = temporary ?? path + ".partial"
        let sink = try FileSink(creating: temporary, finalPath: path, progress: progress)
        do {
            try content(sink)
            try sink.finish()
            guard rename(temporary, path) == 0 else { throw AltaError.system("cannot put a file in place", file: path) }
        } catch {
            sink.abandon()
            unlink(temporary)
            throw error
        }
        try flushFolder(of: path)
    }

    /// Writes bytes; see `write(_:temporary:content:)`.
    public static func write(_ path: String, temporary: String? = nil, bytes: [UInt8]) throws(AltaError) {
        do {
            try write(path, temporary: temporary) { sink in try bytes.withUnsafeBytes { try sink.write($0) } }
        } catch {
            throw (error as? AltaError) ?? AltaError("\(error)", file: path)
        }
    }

    /// Writes a text as UTF-8; see `write(_:temporary:content:)`.
    public static func write(_ path: String, temporary: String? = nil, text: String) throws(AltaError) {
        try write(path, temporary: temporary, bytes: Array(text.utf8))
    }

    /// Writes a new file and flushes it to the disk, under its own name at once: for files in a folder that is itself put
    /// in place by a rename. What was there is written over.
    ///
    /// Where anything fails, a part of the file may stay. Errors: as those of `write(_:temporary:content:)`.
    /// - Parameter progress: called after each part that the system took.
    /// - Returns: the size and the hash of what was written, taken from memory and not from the disk.
    public static func writeUnder(
        _ path: String, progress: @escaping () -> Void = {}, content: (FileSink) throws -> Void
    ) throws -> FileFacts {
        let sink = try FileSink(creating: path, finalPath: path, hashes: true, progress: progress)
        defer { sink.abandon() }
        try content(sink)
        try sink.finish()
        return FileFacts(byteCount: sink.byteCount, hash: sink.hash)
    }

    /// Makes the names in the folder of `path` durable, after a rename.
    public static func flushFolder(of path: String) throws {
        let folder = folder(of: path)
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AltaError.system("cannot open a folder", file: folder) }
        defer { close(descriptor) }
        // Some network file systems know no flush of folders and say EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw AltaError.system("cannot flush a folder", file: folder)
        }
    }

    /// Whether something is at `path` that a file must not take the place of. Errors: it is a folder.
    private static func isDevice(_ path: String) throws -> Bool {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return false }
        let kind = facts.st_mode & S_IFMT
        guard kind != S_IFDIR else {
            throw AltaError(
                "cannot write a file", why: "it is a directory", remedy: "name a file in it, or another path",
                file: path)
        }
        return kind != S_IFREG
    }

    private static func writeThrough(_ path: String, _ content: (FileSink) throws -> Void) throws {
        let sink = try FileSink(creating: path, finalPath: path)
        defer { sink.abandon() }
        try content(sink)
        try sink.finish(flushesDisk: false)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// What a file holds, by its size in bytes and the hash of all of them.
public struct FileFacts: Sendable, Equatable {
    /// Bytes.
    public let byteCount: Int
    /// `StableHash` of the bytes.
    public let hash: UInt64

    /// Stores the facts.
    public init(byteCount: Int, hash: UInt64) {
        self.byteCount = byteCount
        self.hash = hash
    }
}

/// Where the content of an `AtomicFile` goes: a buffered file. Not for use after the closure that was given it.
public final class FileSink {
    /// How many bytes were written so far.
    public private(set) var byteCount = 0
    private let finalPath: String
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private var running: StableHash?
    private let progress: () -> Void
    private static let bufferByteCount = 1 << 20

    /// The hash of what was written so far, where one is taken.
    fileprivate var hash: UInt64 { running?.value ?? 0 }

    fileprivate init(
        creating path: String, finalPath: String, hashes: Bool = false, progress: @escaping () -> Void = {}
    ) throws {
        self.finalPath = finalPath
        self.progress = progress
        running = hashes ? StableHash() : nil
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw AltaError.system("cannot create a file", file: path) }
    }

    deinit { abandon() }

    /// Appends bytes. Errors: the system cannot write them.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "\(bytes.count) bytes for a file that is closed, \(finalPath)")
        byteCount += bytes.count
        running?.combine(bytes)
        if buffer.count + bytes.count > Self.bufferByteCount { try flush() }
        if bytes.count > Self.bufferByteCount { return try writeThrough(bytes) }
        buffer.append(contentsOf: bytes)
    }

    /// Appends a text as UTF-8.
    public func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    fileprivate func finish(flushesDisk: Bool = true) throws {
        try flush()
        guard !flushesDisk || fsync(descriptor) == 0 else { throw failure }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw failure }
    }

    fileprivate func abandon() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private func flush() throws {
        try buffer.withUnsafeBytes { try writeThrough($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let chunk = UnsafeRawBufferPointer(rebasing: rest)
            // One call takes at most 2 GB, and a slow disk long for that.
            let count = writeSome(descriptor, chunk.baseAddress, min(chunk.count, 1 << 25))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure }
            rest = rest.dropFirst(count)
            progress()
        }
    }

    private var failure: AltaError { AltaError.system("cannot write a file", file: finalPath) }
}

/// The system's `write`, which the method of the same name hides.
private func writeSome(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ byteCount: Int) -> Int {
    write(descriptor, start, byteCount)
}
