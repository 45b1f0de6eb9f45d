/// The memory of this process, pages that it shares with others included.
public enum ProcessMemory {
    /// The most memory in bytes that was resident at any time (VmHWM).
    ///
    /// - Throws: `AltaError` where the kernel does not tell.
    public static func peakResidentBytes() throws -> Int {
        try status().bytes("VmHWM")
    }

    /// The memory in bytes that is resident now (VmRSS).
    ///
    /// - Throws: `AltaError` where the kernel does not tell.
    public static func residentBytes() throws -> Int {
        try status().bytes("VmRSS")
    }

    private static func status() throws -> ProcFields {
        ProcFields(text: try SystemFile.text("/proc/self/status"), file: "/proc/self/status")
    }
}
