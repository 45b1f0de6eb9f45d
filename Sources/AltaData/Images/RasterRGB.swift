/// An 8-bit image as it was decoded: the pixels that Pillow's `Image.open(path).convert("RGB")` gives.
///
/// Radiographs are nearly always grey, so where red, green and blue are equal everywhere only one channel is stored.
/// Every transform here gives the same result for one channel as for three equal ones: resampling, affine and
/// adjustment treat channels alike, and grey of equal channels is their value, since ITU-R 601-2's weights sum to one.
public struct RasterRGB: Equatable, Sendable {
    /// 3 for red, green, blue; 1 where the three are equal everywhere.
    public let channels: Int
    /// Rows of pixels.
    public let height: Int
    /// Pixels of a row.
    public let width: Int
    /// `[height, width, channels]`, row by row, the channels of a pixel adjacent.
    public let pixels: [UInt8]

    /// Stores an image; `pixels` is `[height, width, channels]` and `channels` is 1 or 3.
    public init(channels: Int, height: Int, width: Int, pixels: [UInt8]) {
        precondition(channels == 1 || channels == 3, "channels \(channels), expected 1 or 3")
        precondition(
            height > 0 && width > 0 && pixels.count == channels * height * width,
            "\(pixels.count) pixels for \(height) x \(width) x \(channels)")
        self.channels = channels
        self.height = height
        self.width = width
        self.pixels = pixels
    }

    /// The image with three channels, `[height, width, 3]`, whatever is stored.
    public var expanded: RasterRGB {
        guard channels == 1 else { return self }
        var three = [UInt8](repeating: 0, count: 3 * pixels.count)
        for (index, value) in pixels.enumerated() {
            three[3 * index] = value
            three[3 * index + 1] = value
            three[3 * index + 2] = value
        }
        return RasterRGB(channels: 3, height: height, width: width, pixels: three)
    }

    /// The part of the image at these rows and columns, which must lie within it.
    func cut(rows: Range<Int>, columns: Range<Int>) -> RasterRGB {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= height, "rows \(rows) of \(height)")
        precondition(columns.lowerBound >= 0 && columns.upperBound <= width, "columns \(columns) of \(width)")
        var part: [UInt8] = []
        part.reserveCapacity(rows.count * columns.count * channels)
        for row in rows {
            let start = (row * width + columns.lowerBound) * channels
            part += pixels[start..<(start + columns.count * channels)]
        }
        return RasterRGB(channels: channels, height: rows.count, width: columns.count, pixels: part)
    }

    /// The grey image of ITU-R 601-2 (Pillow's `convert("L")`): `(19595 r + 38470 g + 7471 b + 32768) >> 16`.
    public var grey: GreyImage {
        guard channels == 3 else { return GreyImage(height: height, width: width, pixels: pixels) }
        let count = height * width
        let luminance = [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                for index in 0..<count {
                    let red = UInt32(input[3 * index]) &* 19595
                    let green = UInt32(input[3 * index + 1]) &* 38470
                    let blue = UInt32(input[3 * index + 2]) &* 7471
                    output[index] = UInt8(truncatingIfNeeded: (red &+ green &+ blue &+ 0x8000) >> 16)
                }
            }
            initialized = count
        }
        return GreyImage(height: height, width: width, pixels: luminance)
    }
}

/// An 8-bit grey image, the last form before [0, 1] and normalisation.
public struct GreyImage: Equatable, Sendable {
    /// Rows of pixels.
    public let height: Int
    /// Pixels of a row.
    public let width: Int
    /// `[height, width]`.
    public let pixels: [UInt8]

    /// Stores an image; `pixels` is `[height, width]`.
    public init(height: Int, width: Int, pixels: [UInt8]) {
        precondition(
            height > 0 && width > 0 && pixels.count == height * width, "\(pixels.count) pixels for \(height) x \(width)"
        )
        self.height = height
        self.width = width
        self.pixels = pixels
    }

    /// The image with left and right exchanged.
    var mirrored: GreyImage {
        var flipped = pixels
        for row in 0..<height { flipped[(row * width)..<((row + 1) * width)].reverse() }
        return GreyImage(height: height, width: width, pixels: flipped)
    }
}
