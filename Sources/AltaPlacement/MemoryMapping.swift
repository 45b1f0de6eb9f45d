import AltaCore
import CAltaSystem
import CNUMA
import Glibc

/// One mapping of memory, private or of a file without a name, unmapped with its owner.
final class MemoryMapping {
    /// The first byte.
    let base: UnsafeMutableRawPointer
    private let mappedBytes: Int

    private init(base: UnsafeMutableRawPointer, mappedBytes: Int) {
        self.base = base
        self.mappedBytes = mappedBytes
    }

    deinit { munmap(base, mappedBytes) }

    /// Zeros of this process alone.
    static func anonymous(byteCount: Int) throws -> MemoryMapping {
        try map(byteCount: byteCount, descriptor: -1, flags: MAP_PRIVATE | MAP_ANONYMOUS)
    }

    /// A file that can be read and written, with all other processes that map it.
    static func shared(_ file: MemoryFile, byteCount: Int) throws -> MemoryMapping {
        try map(byteCount: byteCount, descriptor: file.descriptor, flags: MAP_SHARED)
    }

    /// Asks that pages come from a memory node where it has room, of several nodes by turns. A refusal, as in containers,
    /// changes speed alone.
    func place(memoryNodes: [Int]) {
        guard !memoryNodes.isEmpty, numa_available() >= 0 else { return }
        _ = alta_numa_place(base, mappedBytes, memoryNodes.map { Int32($0) }, Int32(memoryNodes.count))
    }

    /// From now on writing to it ends the process.
    func protect() throws {
        guard mprotect(base, mappedBytes, PROT_READ) == 0 else {
            throw AltaError("cannot protect the frozen weights", why: AltaError.systemText(errno))
        }
    }

    /// The same file in the same place, opened for reading: nothing here can make it writable again.
    ///
    /// Its pages are entered at once, so that the first step does not pay for it.
    func replaceForReading(_ file: MemoryFile) throws {
        let reader = open("/proc/self/fd/\(file.descriptor)", O_RDONLY | O_CLOEXEC)
        guard reader >= 0 else {
            throw AltaError("cannot open the frozen weights for reading", why: AltaError.systemText(errno))
        }
        defer { close(reader) }
        let flags = MAP_SHARED | MAP_FIXED | Int32(MAP_POPULATE)
        guard mmap(base, mappedBytes, PROT_READ, flags, reader, 0) == base else {
            throw AltaError("cannot map the frozen weights for reading", why: AltaError.systemText(errno))
        }
    }

    private static func map(byteCount: Int, descriptor: Int32, flags: Int32) throws -> MemoryMapping {
        let mappedBytes = max(byteCount, 1)
        guard let base = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, flags, descriptor, 0), base != MAP_FAILED
        else {
            throw AltaError(
                "no room for \(byteCount) bytes of frozen weights", why: AltaError.systemText(errno),
                remedy: "choose a smaller model, or fewer ranks on this machine")
        }
        if byteCount >= 4 << 20 { madvise(base, mappedBytes, MADV_HUGEPAGE) }
        return MemoryMapping(base: base, mappedBytes: mappedBytes)
    }
}

/// A file without a name in memory, open in this process.
///
/// Other processes open it through `/proc` of the one that made it, so nothing of it can be left behind, whoever is
/// killed and when.
final class MemoryFile {
    let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// A new file of zeros.
    ///
    /// - Throws: `AltaError` where the system has no such files or no room.
    static func create(byteCount: Int) throws -> MemoryFile {
        let made = alta_memory_file_create(Int64(byteCount))
        return MemoryFile(descriptor: Int32(try SystemCall.check(made, "cannot make memory for several ranks")))
    }

    /// Sets memory aside for all of it, where the mapping that was placed wants it.
    ///
    /// - Throws: `AltaError` where there is not enough.
    func reserve(byteCount: Int) throws {
        try SystemCall.check(
            alta_memory_file_reserve(descriptor, Int64(byteCount)), "no room for \(byteCount) bytes for several ranks")
    }

    /// What another process needs to open it.
    func address() throws -> Address {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw AltaError("cannot describe memory for several ranks", why: AltaError.systemText(errno))
        }
        return Address(process: getpid(), descriptor: descriptor, inode: UInt64(status.st_ino))
    }

    /// Opens the file of another process, or of this one.
    ///
    /// - Throws: `AltaError` where `/proc` does not allow it, or shows another file than the one meant.
    static func open(_ address: Address, byteCount: Int) throws -> MemoryFile {
        let path = "/proc/\(address.process)/fd/\(address.descriptor)"
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw AltaError("cannot open \(path)", why: AltaError.systemText(errno)) }
        let file = MemoryFile(descriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, UInt64(status.st_ino) == address.inode, Int(status.st_size) == byteCount
        else { throw AltaError("\(path) is another file than the one that was meant") }
        return file
    }

    /// Forbids for ever to write to it.
    ///
    /// - Throws: `AltaError` where a mapping of any process still can.
    func seal() throws {
        try SystemCall.check(alta_memory_file_seal(descriptor), "cannot seal the frozen weights")
    }

    /// Where a file is: numbers that mean something on this machine alone.
    struct Address: Equatable {
        let process: Int32
        let descriptor: Int32
        let inode: UInt64

        /// As other ranks are told it.
        var text: String { "\(process) \(descriptor) \(inode)" }

        init(process: Int32, descriptor: Int32, inode: UInt64) {
            self.process = process
            self.descriptor = descriptor
            self.inode = inode
        }

        /// Reads `text`; nil where it is something else.
        init?(text: String) {
            let fields = text.split(separator: " ")
            guard fields.count == 3, let process = Int32(fields[0]), let descriptor = Int32(fields[1]),
                let inode = UInt64(fields[2])
            else { return nil }
            self.init(process: process, descriptor: descriptor, inode: inode)
        }
    }
}
