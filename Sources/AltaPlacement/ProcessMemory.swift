import AltaCore
import CAltaSystem
import Foundation

/// The memory of this process, pages that it shares with others included.
public enum ProcessMemory {
    /// The most memory in bytes that was resident at any time (VmHWM).
    ///
    /// - Throws: `AltaError` where the kernel does not tell.
    public static func peakResidentBytes() throws -> Int {
        try status().bytes("VmHWM")
    }

    /// Makes `peakResidentBytes` forget what was before, and gives memory that was freed back to the system, so that none of
    /// it is used again unseen.
    ///
    /// - Returns: the memory in bytes that is resident now.
    /// - Throws: `AltaError` where the kernel has no such switch or does not let this process use it.
    public static func beginPeak() throws -> Int {
        alta_return_freed_memory()
        let path = "/proc/self/clear_refs"
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw AltaError(
                "the peak of memory cannot be begun anew", why: String(cString: strerror(errno)), file: path)
        }
        do { try file.write(contentsOf: Data("5\n".utf8)) } catch {
            throw AltaError("the peak of memory cannot be begun anew", why: "\(error)", file: path)
        }
        return try residentBytes()
    }

    /// The memory in bytes that is resident now (VmRSS).
    ///
    /// - Throws: `AltaError` where the kernel does not tell.
    public static func residentBytes() throws -> Int {
        try status().bytes("VmRSS")
    }

    /// The memory in bytes that this process answers for: pages of its own, and of each page that n processes share an n-th
    /// (Pss). Over all processes of a machine it adds up to what they take together. The kernel walks all pages for it,
    /// some 10 ms a GB.
    ///
    /// - Throws: `AltaError` where the kernel does not tell.
    public static func proportionalBytes() throws -> Int { try rollup().bytes("Pss") }

    /// The memory in bytes that would be free again without this process: pages that no other process has mapped.
    ///
    /// - Throws: `AltaError` where the kernel does not tell.
    public static func privateBytes() throws -> Int {
        let pages = try rollup()
        return try pages.bytes("Private_Clean") + pages.bytes("Private_Dirty")
    }

    private static func rollup() throws -> ProcFields {
        ProcFields(text: try SystemFile.text("/proc/self/smaps_rollup"), file: "/proc/self/smaps_rollup")
    }

    private static func status() throws -> ProcFields {
        ProcFields(text: try SystemFile.text("/proc/self/status"), file: "/proc/self/status")
    }
}
