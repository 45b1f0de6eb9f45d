import AltaCore

/// What pretraining's transform does with a radiograph: the box that is cut out of it, and whether it is mirrored.
public struct CropAugmentation: Equatable, Sendable {
    /// The smallest and the largest share of the radiograph's area that is drawn.
    public static let areaShares = 0.2...1.0
    /// The smallest and the largest ratio of width to height that is drawn, uniformly in its logarithm.
    public static let ratios = 3.0 / 4...4.0 / 3
    /// How many boxes are drawn before the central one is taken.
    static let attempts = 10

    /// The first row of the box.
    public let top: Int
    /// The first column of the box.
    public let left: Int
    /// Rows of the box.
    public let height: Int
    /// Columns of the box.
    public let width: Int
    /// Whether left and right are exchanged.
    public let isMirrored: Bool

    /// Stores the parameters, in pixels of the radiograph.
    public init(top: Int, left: Int, height: Int, width: Int, isMirrored: Bool) {
        precondition(top >= 0 && left >= 0 && height > 0 && width > 0, "\(height) x \(width) at (\(top), \(left))")
        self.top = top
        self.left = left
        self.height = height
        self.width = width
        self.isMirrored = isMirrored
    }

    /// The published random draw for a radiograph of `height` x `width` pixels.
    ///
    /// Attempt a takes elements 4 a to 4 a + 3 of the stream for area, ratio, top and left; the element after the last
    /// attempt's decides about mirroring. Source: torchvision's `RandomResizedCrop.get_params`, with keyed randomness.
    public static func draw(key: RandomKey, height: Int, width: Int) -> CropAugmentation {
        precondition(height > 0 && width > 0, "\(height) x \(width)")
        let isMirrored = key.uniformDouble(4 * attempts) < 0.5
        for attempt in 0..<attempts {
            let element = 4 * attempt
            let size = boxSize(
                height: height, width: width, area: key.uniformDouble(element), ratio: key.uniformDouble(element + 1))
            guard (1...height).contains(size.height), (1...width).contains(size.width) else { continue }
            return CropAugmentation(
                top: key.integer(element + 2, below: height - size.height + 1),
                left: key.integer(element + 3, below: width - size.width + 1), height: size.height, width: size.width,
                isMirrored: isMirrored)
        }
        return central(height: height, width: width, isMirrored: isMirrored)
    }

    /// The size of a box, for draws in [0, 1) of area and ratio; it may exceed the radiograph.
    static func boxSize(height: Int, width: Int, area: Double, ratio: Double) -> (height: Int, width: Int) {
        let share = areaShares.lowerBound + (areaShares.upperBound - areaShares.lowerBound) * area
        let pixels = Double(height * width) * share
        let logarithms = (
            low: Double.naturalLogarithm(ratios.lowerBound), high: Double.naturalLogarithm(ratios.upperBound)
        )
        let ratio = Double.exponential(logarithms.low + (logarithms.high - logarithms.low) * ratio)
        return (
            Int((pixels / ratio).squareRoot().rounded(.toNearestOrEven)),
            Int((pixels * ratio).squareRoot().rounded(.toNearestOrEven))
        )
    }

    /// The largest central box of an allowed ratio: what is taken where ten draws did not fit.
    static func central(height: Int, width: Int, isMirrored: Bool) -> CropAugmentation {
        let ratio = Double(width) / Double(height)
        var size = (height: height, width: width)
        if ratio < ratios.lowerBound {
            size.height = Int((Double(width) / ratios.lowerBound).rounded(.toNearestOrEven))
        } else if ratio > ratios.upperBound {
            size.width = Int((Double(height) * ratios.upperBound).rounded(.toNearestOrEven))
        }
        return CropAugmentation(
            top: (height - size.height) / 2, left: (width - size.width) / 2, height: size.height, width: size.width,
            isMirrored: isMirrored)
    }
}
