import AltaCore

extension DicomScaling {
    /// Stored values as 8 bits, `[height, width]`.
    ///
    /// - Parameters:
    ///   - stored: the values as stored, at least one.
    ///   - isInverted: whether the lowest value is white.
    /// - Returns: the pixels; nil where no value is above zero but some are below, which `published` cannot scale.
    public func pixels(stored: [Int32], isInverted: Bool) -> [UInt8]? {
        switch self {
        case .published: Self.scaled(stored)?.map { isInverted ? 255 - $0 : $0 }
        case .mimic: Self.equalized(Self.stretched(stored).map { isInverted ? 255 - $0 : $0 })
        }
    }

    /// `|x| * 255 / max`, rounded half to even, at most 255 (OpenCV's `convertScaleAbs`, in single precision); all black
    /// where every value is zero.
    private static func scaled(_ stored: [Int32]) -> [UInt8]? {
        guard let most = stored.max(), most > 0 else {
            return stored.allSatisfy { $0 == 0 } ? stored.map { _ in 0 } : nil
        }
        let factor = Float(255.0 / Double(most))
        return stored.map { UInt8(min(255, abs(Float($0) * factor).rounded(.toNearestOrEven))) }
    }

    /// The lowest value subtracted, divided by what is then the highest, times 255, truncated; all black where the values
    /// are equal.
    private static func stretched(_ stored: [Int32]) -> [UInt8] {
        guard let least = stored.min(), let most = stored.max(), most > least else { return stored.map { _ in 0 } }
        let range = Double(most - least)
        return stored.map { UInt8(Double($0 - least) / range * 255) }
    }

    /// Every grey level about equally often (OpenCV's `equalizeHist`, to the last bit).
    public static func equalized(_ pixels: [UInt8]) -> [UInt8] {
        var counts = [Int](repeating: 0, count: 256)
        for value in pixels { counts[Int(value)] += 1 }
        guard let first = counts.firstIndex(where: { $0 > 0 }), counts[first] < pixels.count else { return pixels }
        let factor = 255 / Float(pixels.count - counts[first])
        var table = [UInt8](repeating: 0, count: 256)
        var sum = 0
        for level in (first + 1)..<256 {
            sum += counts[level]
            table[level] = UInt8(min(255, (Float(sum) * factor).rounded(.toNearestOrEven)))
        }
        return pixels.map { table[Int($0)] }
    }
}
