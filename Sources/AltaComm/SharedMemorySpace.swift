import AltaCore
import Glibc

/// Whether the file system that holds shared memory has room: a page beyond its size is a bus error at the first touch.
///
/// Containers often have 64 MB of it, whatever the machine has.
public struct SharedMemorySpace: Sendable {
    /// Open MPI's setting for the folder of its windows.
    static let folderVariable = "OMPI_MCA_osc_sm_backing_directory"
    /// The folder of the windows.
    public let folder: String

    /// The space where Open MPI keeps its windows.
    public static func current() -> SharedMemorySpace {
        SharedMemorySpace(folder: getenv(folderVariable).map { String(cString: $0) } ?? "/dev/shm")
    }

    /// The bytes that are free for this user; nil where the folder cannot be asked.
    public var freeBytes: Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    /// Why `byteCount` bytes do not fit, if they do not.
    ///
    /// Open MPI 4 itself wants a twentieth more, and where it finds less some of the ranks wait for ever.
    func obstacle(byteCount: Int) -> AltaError? {
        guard let freeBytes, freeBytes < byteCount + byteCount / 10 else { return nil }
        return tooSmall(byteCount: byteCount, why: "\(freeBytes >> 20) MiB are free")
    }

    /// Takes the pages now, while it is no harm to be refused; true where the system cannot say.
    func takePages(of part: UnsafeMutableRawBufferPointer) -> Bool {
        let page = Int(getpagesize())
        guard let base = part.baseAddress else { return true }
        let first = base.alignedUp(toMultipleOf: page)
        let last = (base + part.count).alignedDown(toMultipleOf: page)
        guard last > first else { return true }
        // An older kernel does not know the request: then the check of free space has to do.
        return madvise(first, last - first, MADV_POPULATE_WRITE) == 0 || errno == EINVAL || errno == ENOSYS
    }

    /// Asks for huge pages, which private memory may have.
    static func preferHugePages(_ part: UnsafeMutableRawBufferPointer) {
        let page = Int(getpagesize())
        guard let base = part.baseAddress?.alignedUp(toMultipleOf: page), part.count >= 4 << 20 else { return }
        _ = madvise(base, part.count - page, MADV_HUGEPAGE)
    }

    func tooSmall(byteCount: Int, why: String) -> AltaError {
        AltaError(
            "\(folder) has no room for \((byteCount + (1 << 20) - 1) >> 20) MiB of shared memory", why: why,
            remedy: "enlarge it: `docker run --shm-size=...`, a memory-backed emptyDir in Kubernetes, or a larger tmpfs"
        )
    }
}
