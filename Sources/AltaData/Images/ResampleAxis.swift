/// The weights with which the pixels along one axis make some of the resized pixels.
public struct ResampleAxis {
    /// Bits behind the binary point of the 8-bit path's weights: two of 32 bits are left for overshoot, 8 for the pixel.
    static let precisionBits = 32 - 8 - 2

    /// The resized positions that are computed; the first is entry 0 of `first`.
    let window: Range<Int>
    /// Weights stored for each position, the last of them zero where a position has fewer.
    let stride: Int
    /// The first source pixel of each position.
    let first: [Int]
    /// How many source pixels each position has.
    let count: [Int]
    /// `[window, stride]`, a position's weights sum to one.
    let weights: [Double]

    /// Pillow's weights (`precompute_coeffs`): bicubic with a = -0.5; when scaling down the kernel is stretched by the scale,
    /// which is the antialiasing. For the positions `window` of a resize from `inputSize` to `outputSize` pixels.
    ///
    /// `multiple` rounds the stored weights of a position up for the vector loop.
    static func bicubic(inputSize: Int, outputSize: Int, window: Range<Int>, multiple: Int = 1) -> ResampleAxis {
        let scale = Double(inputSize) / Double(outputSize)
        let filterScale = max(scale, 1)
        let support = 2 * filterScale
        let inverse = 1 / filterScale
        let most = Int(support.rounded(.up)) * 2 + 1
        let stride = (most + multiple - 1) / multiple * multiple
        var first: [Int] = []
        var count: [Int] = []
        var weights = [Double](repeating: 0, count: window.count * stride)
        for (row, position) in window.enumerated() {
            let centre = (Double(position) + 0.5) * scale
            let start = max(Int(centre - support + 0.5), 0)
            let end = min(Int(centre + support + 0.5), inputSize)
            var sum = 0.0
            for tap in 0..<(end - start) {
                let weight = kernel((Double(tap + start) - centre + 0.5) * inverse)
                weights[row * stride + tap] = weight
                sum += weight
            }
            if sum != 0 {
                for tap in 0..<(end - start) { weights[row * stride + tap] /= sum }
            }
            first.append(start)
            count.append(end - start)
        }
        return ResampleAxis(window: window, stride: stride, first: first, count: count, weights: weights)
    }

    /// The weights of torch's bicubic resize without antialiasing: four taps of the cubic with a = -0.75 at any scale, the
    /// edges repeated (their weights are added to the outermost pixel's). At a factor of 2: -3/32, 19/32, 19/32, -3/32.
    public static func fourTaps(inputSize: Int, outputSize: Int) -> ResampleAxis {
        let stride = 4
        var first: [Int] = []
        var count: [Int] = []
        var weights = [Double](repeating: 0, count: outputSize * stride)
        for position in 0..<outputSize {
            let centre = (Double(position) + 0.5) * Double(inputSize) / Double(outputSize) - 0.5
            let left = Int(centre.rounded(.down))
            let taps = (left - 1)...(left + 2)
            let start = min(max(taps.lowerBound, 0), inputSize - 1)
            for tap in taps {
                let source = min(max(tap, 0), inputSize - 1)
                weights[position * stride + source - start] += sharpKernel(centre - Double(tap))
            }
            first.append(start)
            count.append(min(taps.upperBound, inputSize - 1) - start + 1)
        }
        return ResampleAxis(window: 0..<outputSize, stride: stride, first: first, count: count, weights: weights)
    }

    /// The resized value at the entry `entry` of the window, of the source values `value` along this axis.
    public func sum(at entry: Int, _ value: (Int) -> Double) -> Double {
        (0..<count[entry]).reduce(0) { $0 + weights[entry * stride + $1] * value(first[entry] + $1) }
    }

    /// The source pixels that the window needs.
    var source: Range<Int> { (first.first ?? 0)..<((first.last ?? 0) + (count.last ?? 0)) }

    /// The weights in fixed point, rounded half away from zero.
    var fixedPoint: [Int32] {
        weights.map { weight in
            let scaled = weight * Double(1 << ResampleAxis.precisionBits)
            return Int32(weight < 0 ? scaled - 0.5 : scaled + 0.5)
        }
    }

    /// The cubic convolution with a = -0.75.
    private static func sharpKernel(_ distance: Double) -> Double {
        let x = abs(distance)
        if x < 1 { return (1.25 * x - 2.25) * x * x + 1 }
        if x < 2 { return -0.75 * (((x - 5) * x + 8) * x - 4) }
        return 0
    }

    /// Pillow's `bicubic_filter`, operation by operation.
    private static func kernel(_ distance: Double) -> Double {
        let x = abs(distance)
        if x < 1 { return ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * -0.5 }
        return 0
    }
}
