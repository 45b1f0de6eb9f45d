import CAltaKernels

/// How numbers rest in memory. Sums are in fp32 either way.
public enum NumberFormat: String, Sendable, CaseIterable {
    /// fp32.
    case full
    /// bf16.
    case half

    /// Bytes of a number.
    public var byteCount: Int { self == .half ? MemoryLayout<BFloat16>.stride : MemoryLayout<Float>.stride }

    var kernelFormat: alta_format { self == .half ? ALTA_BF16 : ALTA_F32 }
}
