/// Mean and standard deviation by which pixels in [0, 1] are normalised.
public struct PixelNormalization: Equatable, Sendable {
    /// Subtracted from a pixel in [0, 1].
    public let mean: Float
    /// What the difference is divided by.
    public let deviation: Float

    /// Stores the constants.
    public init(mean: Float, deviation: Float) {
        precondition(deviation > 0, "deviation \(deviation), expected more than 0")
        self.mean = mean
        self.deviation = deviation
    }

    /// ALTA's constants.
    public static let alta = PixelNormalization(mean: 0.4785, deviation: 0.2834)
    /// MRM's constants.
    public static let mrm = PixelNormalization(mean: 0.4978, deviation: 0.2449)
}

/// A model's input: single precision, normalised, channel by channel.
///
/// A grey image has one channel where the model's three would be equal.
public struct PlanarImage: Equatable, Sendable {
    /// Channels stored: 1 where all are equal, or 3.
    public let channels: Int
    /// Rows of pixels.
    public let height: Int
    /// Pixels of a row.
    public let width: Int
    /// `[channels, height, width]`.
    public let pixels: [Float]

    /// Stores an image; `pixels` is `[channels, height, width]`.
    public init(channels: Int, height: Int, width: Int, pixels: [Float]) {
        precondition(
            channels > 0 && height > 0 && width > 0 && pixels.count == channels * height * width,
            "\(pixels.count) pixels for \(channels) x \(height) x \(width)")
        self.channels = channels
        self.height = height
        self.width = width
        self.pixels = pixels
    }

    /// `(x / 255 - mean) / deviation` in single precision, operation by operation as torchvision's `ToTensor` and
    /// `Normalize` compute it; one channel.
    public static func normalized(grey: GreyImage, by constants: PixelNormalization = .alta) -> PlanarImage {
        let table = (0...255).map { (Float($0) / 255 - constants.mean) / constants.deviation }
        let pixels = [Float](unsafeUninitializedCapacity: grey.pixels.count) { output, initialized in
            table.withUnsafeBufferPointer { table in
                for (index, value) in grey.pixels.enumerated() { output[index] = table[Int(value)] }
            }
            initialized = grey.pixels.count
        }
        return PlanarImage(channels: 1, height: grey.height, width: grey.width, pixels: pixels)
    }
}
