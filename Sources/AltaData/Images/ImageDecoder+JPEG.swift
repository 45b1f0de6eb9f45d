import AltaCore
import CTurboJPEG

extension ImageDecoder {
    /// A Huffman-coded 8 x 8 block takes at least one bit, so a byte stands for at most 512 pixels of the luminance;
    /// doubled for arithmetic coding.
    private static let largestJPEGExpansion = 1024

    /// Pixels are those of accurate DCT and smooth upsampling, as in Pillow; the limit of 500 scans touches none, it
    /// bounds the time that a hostile progressive file can take.
    private static let decodeFlags = TJFLAG_LIMITSCANS

    static func decodeJPEG(_ bytes: [UInt8], _ name: String) throws -> RasterRGB {
        guard let handle = tjInitDecompress() else {
            throw AltaError("JPEG decoder cannot start", why: "out of memory", file: name)
        }
        defer { _ = tjDestroy(handle) }
        var width: Int32 = 0
        var height: Int32 = 0
        var subsampling: Int32 = 0
        var space: Int32 = 0
        guard
            tjDecompressHeader3(handle, bytes, UInt(bytes.count), &width, &height, &subsampling, &space) == 0
        else { throw damaged("JPEG", message(of: handle), name) }
        // TurboJPEG takes a file that ends before its frame header for one that holds tables only.
        guard width > 0, height > 0 else { throw damaged("JPEG", "it ends before its size is told", name) }
        try refuseColourSpace(space, name)
        let (columns, rows) = (Int(width), Int(height))
        try checkSize(
            width: columns, height: rows, bitsPerPixel: 8, fileByteCount: bytes.count,
            largestExpansion: largestJPEGExpansion, name: name)
        let isGrey = space == TJCS_GRAY.rawValue
        let channels = isGrey ? 1 : 3
        let format = isGrey ? TJPF_GRAY.rawValue : TJPF_RGB.rawValue
        let pixels = try [UInt8](unsafeUninitializedCapacity: channels * columns * rows) { output, initialized in
            // A warning means that blocks were missing or made up; Pillow raises there or shows what it guessed.
            guard
                tjDecompress2(
                    handle, bytes, UInt(bytes.count), output.baseAddress, width, 0, height, Int32(format), decodeFlags)
                    == 0
            else { throw damaged("JPEG", message(of: handle), name) }
            initialized = channels * columns * rows
        }
        let raster = RasterRGB(channels: channels, height: rows, width: columns, pixels: pixels)
        return isGrey ? raster : raster.withoutEqualChannels()
    }

    private static func refuseColourSpace(_ space: Int32, _ name: String) throws {
        guard space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue else { return }
        throw AltaError(
            "CMYK JPEG is not supported", why: "printing colours have no defined grey value",
            remedy: "convert it to grey or RGB", file: name)
    }

    private static func message(of handle: tjhandle) -> String {
        guard let text = tjGetErrorStr2(handle) else { return "unknown error" }
        return String(cString: text)
    }
}

extension RasterRGB {
    /// The image with one channel where all three are equal everywhere, else itself.
    func withoutEqualChannels() -> RasterRGB {
        guard channels == 3, hasEqualChannels else { return self }
        let count = height * width
        let single = [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                for index in 0..<count { output[index] = input[3 * index] }
            }
            initialized = count
        }
        return RasterRGB(channels: 1, height: height, width: width, pixels: single)
    }

    /// Compares each byte with its neighbour; in the differences of 16 pixels those within a pixel are kept by a mask,
    /// so that the comparison is a plain loop over bytes.
    private var hasEqualChannels: Bool {
        let block = 48
        let mask = (0..<block).map { $0 % 3 == 2 ? UInt8(0) : 0xFF }
        return pixels.withUnsafeBufferPointer { input in
            mask.withUnsafeBufferPointer { mask in
                var start = 0
                while start + block < input.count {
                    var difference: UInt8 = 0
                    for offset in 0..<block {
                        difference |= (input[start + offset] ^ input[start + offset + 1]) & mask[offset]
                    }
                    if difference != 0 { return false }
                    start += block
                }
                while start < input.count {
                    if input[start] != input[start + 1] || input[start] != input[start + 2] { return false }
                    start += 3
                }
                return true
            }
        }
    }
}
