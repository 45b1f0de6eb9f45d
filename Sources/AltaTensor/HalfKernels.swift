import CAltaKernels

/// What a processor multiplies bf16 numbers with; each contains the ones before it.
public enum HalfKernels: Int, Comparable, Sendable {
    /// Nothing of its own: numbers are widened to fp32.
    case widened
    /// AVX-512 BF16.
    case vectors
    /// AMX BF16.
    case tiles

    /// The best that this processor has. Asks the system for the use of AMX tiles, which oneDNN needs too.
    public static var best: HalfKernels {
        switch alta_half_best_level() {
        case alta_half_tiles: .tiles
        case alta_half_vectors: .vectors
        default: .widened
        }
    }

    /// Later cases are greater.
    public static func < (left: HalfKernels, right: HalfKernels) -> Bool { left.rawValue < right.rawValue }

    var level: alta_half_level {
        switch self {
        case .widened: alta_half_none
        case .vectors: alta_half_vectors
        case .tiles: alta_half_tiles
        }
    }
}
