import Glibc

/// Addresses side by side, behind which memory stands as far as `commit` was asked for; zero-filled at first.
///
/// Addresses cost nothing. Memory comes page by page when it is touched, and stays until the range goes.
final class AddressRange {
    /// By how much more than asked for `commit` goes, bytes.
    static let stepByteCount = 16 << 20

    let base: UnsafeMutableRawPointer
    let byteCount: Int
    private(set) var committedByteCount = 0

    private init(base: UnsafeMutableRawPointer, byteCount: Int) {
        self.base = base
        self.byteCount = byteCount
    }

    deinit { munmap(base, byteCount) }

    /// As many addresses as the machine has memory; nil where a limit (`ulimit -v`) forbids it.
    static func ofMachineSize() -> AddressRange? {
        let byteCount = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        guard byteCount > 0 else { return nil }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let base = mmap(nil, byteCount, PROT_NONE, flags, -1, 0), base != MAP_FAILED else { return nil }
        madvise(base, byteCount, MADV_HUGEPAGE)
        return AddressRange(base: base, byteCount: byteCount)
    }

    /// Makes the first `count` bytes usable; they stay it. Memory that the system does not have traps with the size.
    func commit(_ count: Int) {
        guard count > committedByteCount else { return }
        let step = AddressRange.stepByteCount
        let wanted = min((count + step - 1) / step * step, byteCount)
        let isGranted =
            wanted >= count
            && mprotect(base + committedByteCount, wanted - committedByteCount, PROT_READ | PROT_WRITE) == 0
        precondition(isGranted, "the system refused \(count) bytes of memory")
        committedByteCount = wanted
    }
}
