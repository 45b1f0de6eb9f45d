import AltaCore
import CAltaKernels

/// Tensors of random numbers: the fast twins of `RandomKey.fillUniform` and `fillNormal`. The bits are the same on every
/// processor.
public enum RandomFill {
    /// Uniform numbers in a range; equal to the plain version.
    public static func uniform(
        _ values: UnsafeMutableBufferPointer<Float>, in range: Range<Float>, key: RandomKey
    ) {
        guard let start = values.baseAddress else { return }
        alta_fill_uniform(start, key.bits, range.lowerBound, range.upperBound - range.lowerBound, Int64(values.count))
    }

    /// Normal numbers of mean 0; a unit in the last place from the plain version at most, whose logarithm, sine and cosine
    /// are the C library's.
    public static func normal(_ values: UnsafeMutableBufferPointer<Float>, deviation: Double, key: RandomKey) {
        guard let start = values.baseAddress else { return }
        alta_fill_normal(start, key.bits, deviation, Int64(values.count))
    }
}
