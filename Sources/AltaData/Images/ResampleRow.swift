/// The horizontal pass over one row: many short dot products of pixels and weights.
///
/// A 23-bit weight is split into 12 high and 11 low bits, both of which fit 16-bit lanes, so that the compiler can use
/// the multiply-add of 16-bit pairs that every x86-64 has; 32-bit products are emulated there. In wrapping 32-bit
/// arithmetic the two sums put together are exactly Pillow's one, which does not overflow.
struct ResampleRow {
    /// The weights of a position are padded with zeros to a multiple of this.
    static let lanes = 8
    /// Rounds to the nearest when the fixed point is dropped.
    static let half = Int32(1) << Int32(ResampleAxis.precisionBits - 1)
    private static let lowBits = Int32(11)

    private let first: [Int]
    private let stride: Int
    private let high: [Int16]
    private let low: [Int16]
    private let source: Range<Int>

    init(_ axis: ResampleAxis, inputWidth: Int) {
        let fixed = axis.fixedPoint
        first = axis.first
        stride = axis.stride
        high = fixed.map { Int16($0 >> ResampleRow.lowBits) }
        low = fixed.map { Int16($0 & (1 << ResampleRow.lowBits - 1)) }
        source = axis.source
    }

    /// Elements of the scratch row: the padded weights reach past its end.
    var scratchCount: Int { source.count + stride }

    /// Resizes one channel of a row; the scratch holds the channel's pixels as 16-bit numbers.
    func run(
        _ row: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>, channel: Int, channels: Int,
        scratch: UnsafeMutableBufferPointer<Int16>
    ) {
        widen(row, channel: channel, channels: channels, scratch: scratch)
        high.withUnsafeBytes { high in
            low.withUnsafeBytes { low in
                guard let pixels = UnsafeRawPointer(scratch.baseAddress), let high = high.baseAddress,
                    let low = low.baseAddress
                else { return }
                for (position, start) in first.enumerated() {
                    let taps = pixels + 2 * (start - source.lowerBound)
                    let offset = 2 * position * stride
                    let sum = ResampleRow.product(taps, high + offset, low + offset, byteCount: 2 * stride)
                    output[position * channels + channel] = ResampleRow.clipped(sum &+ ResampleRow.half)
                }
            }
        }
    }

    private func widen(
        _ row: UnsafeBufferPointer<UInt8>, channel: Int, channels: Int, scratch: UnsafeMutableBufferPointer<Int16>
    ) {
        // Unchecked arithmetic: the caller's row has all of `source`.
        let start = source.lowerBound &* channels &+ channel
        if channels == 1 {
            for index in 0..<source.count { scratch[index] = Int16(row[start &+ index]) }
        } else {
            for index in 0..<source.count { scratch[index] = Int16(row[start &+ index &* channels]) }
        }
    }

    /// The sum of pixels times their weights, all 16-bit; `byteCount` is a multiple of a vector's.
    @inline(__always)
    private static func product(
        _ pixels: UnsafeRawPointer, _ high: UnsafeRawPointer, _ low: UnsafeRawPointer, byteCount: Int
    ) -> Int32 {
        var highSum = SIMD4<Int32>.zero
        var lowSum = SIMD4<Int32>.zero
        var offset = 0
        while offset < byteCount {
            let values = pixels.loadUnaligned(fromByteOffset: offset, as: SIMD8<Int16>.self)
            highSum &+= pairedProduct(values, high.loadUnaligned(fromByteOffset: offset, as: SIMD8<Int16>.self))
            lowSum &+= pairedProduct(values, low.loadUnaligned(fromByteOffset: offset, as: SIMD8<Int16>.self))
            offset &+= 2 * lanes
        }
        return ((highSum &<< SIMD4(repeating: lowBits)) &+ lowSum).wrappedSum()
    }

    /// Products of eight lanes, neighbours added: written so that it becomes one instruction.
    @inline(__always)
    private static func pairedProduct(_ a: SIMD8<Int16>, _ b: SIMD8<Int16>) -> SIMD4<Int32> {
        let products = SIMD8<Int32>(truncatingIfNeeded: a) &* SIMD8<Int32>(truncatingIfNeeded: b)
        return products.evenHalf &+ products.oddHalf
    }

    /// Drops the fixed point and clips to 8 bits (Pillow's `clip8`).
    static func clipped(_ sum: Int32) -> UInt8 {
        let value = sum >> Int32(ResampleAxis.precisionBits)
        return UInt8(truncatingIfNeeded: max(0, min(255, value)))
    }
}
