import AltaCore
import CSPNG

extension ImageDecoder {
    /// Deflate expands a byte to at most 1032.
    private static let largestPNGExpansion = 1032
    /// Longest chunk, and longest sum of cached chunks (text, profiles), that is read.
    private static let chunkByteLimit = 1 << 26

    static func decodePNG(_ bytes: [UInt8], _ name: String) throws -> RasterRGB {
        guard let context = spng_ctx_new(0) else {
            throw AltaError("PNG decoder cannot start", why: "out of memory", file: name)
        }
        defer { spng_ctx_free(context) }
        return try bytes.withUnsafeBytes { file in
            try check(spng_set_chunk_limits(context, chunkByteLimit, chunkByteLimit), name)
            try check(spng_set_png_buffer(context, file.baseAddress, file.count), name)
            var header = spng_ihdr()
            try check(spng_get_ihdr(context, &header), name)
            let layout = PNGLayout(header)
            try checkSize(
                width: layout.width, height: layout.height, bitsPerPixel: layout.bitDepth * layout.samples,
                fileByteCount: file.count, largestExpansion: largestPNGExpansion, name: name)
            let raw = try decodedBytes(context, layout, name)
            return try layout.raster(raw, palette: palette(context, layout, name), name)
        }
    }

    /// The samples as the file has them, 16-bit ones in this machine's byte order, rows padded to whole bytes.
    private static func decodedBytes(_ context: OpaquePointer, _ layout: PNGLayout, _ name: String) throws -> [UInt8] {
        var byteCount = 0
        try check(spng_decoded_image_size(context, Int32(SPNG_FMT_PNG.rawValue), &byteCount), name)
        guard byteCount == layout.rowByteCount * layout.height else {
            throw damaged("PNG", "\(byteCount) bytes of pixels for \(layout.width) x \(layout.height)", name)
        }
        return try [UInt8](unsafeUninitializedCapacity: byteCount) { output, initialized in
            let format = Int32(SPNG_FMT_PNG.rawValue)
            try check(spng_decode_image(context, output.baseAddress, byteCount, format, 0), name)
            initialized = byteCount
        }
    }

    /// Red, green and blue of 256 entries; those that the file leaves out are black, as in Pillow.
    private static func palette(_ context: OpaquePointer, _ layout: PNGLayout, _ name: String) throws -> [UInt8] {
        guard layout.isPalette else { return [] }
        var stored = spng_plte()
        try check(spng_get_plte(context, &stored), name)
        var colours = [UInt8](repeating: 0, count: 3 * 256)
        withUnsafeBytes(of: &stored.entries) { entries in
            let entries = entries.bindMemory(to: spng_plte_entry.self)
            for index in 0..<min(Int(stored.n_entries), 256) {
                colours[3 * index] = entries[index].red
                colours[3 * index + 1] = entries[index].green
                colours[3 * index + 2] = entries[index].blue
            }
        }
        return colours
    }

    private static func check(_ code: Int32, _ name: String) throws {
        guard code != 0 else { return }
        throw damaged("PNG", spng_strerror(code).map { String(cString: $0) } ?? "error \(code)", name)
    }
}

/// How the samples of a PNG lie in memory.
private struct PNGLayout {
    let width: Int
    let height: Int
    let bitDepth: Int
    let samples: Int
    let isPalette: Bool

    init(_ header: spng_ihdr) {
        width = Int(header.width)
        height = Int(header.height)
        bitDepth = Int(header.bit_depth)
        isPalette = UInt32(header.color_type) == SPNG_COLOR_TYPE_INDEXED.rawValue
        switch UInt32(header.color_type) {
        case SPNG_COLOR_TYPE_TRUECOLOR.rawValue: samples = 3
        case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA.rawValue: samples = 2
        case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA.rawValue: samples = 4
        default: samples = 1
        }
    }

    var rowByteCount: Int { (width * bitDepth * samples + 7) / 8 }

    /// The image that Pillow's `convert("RGB")` gives, from the file's samples.
    func raster(_ raw: [UInt8], palette: [UInt8], _ name: String) throws -> RasterRGB {
        let values: [UInt8]
        switch (bitDepth, samples) {
        case (16, 1): values = try greyTo8Bits(raw, name)
        case (16, _): values = highBytes(raw)
        case (8, _): values = raw
        default: values = unpacked(raw)
        }
        if isPalette { return coloured(values, palette) }
        let channels = samples >= 3 ? 3 : 1
        let pixels = channels == samples ? values : withoutAlpha(values)
        return RasterRGB(channels: channels, height: height, width: width, pixels: pixels).withoutEqualChannels()
    }

    /// 16-bit grey whose values are at most 255, as Pillow's `convert("RGB")` takes them. It clips larger ones, which turns
    /// a radiograph white: they are refused, since only their maker knows the window.
    private func greyTo8Bits(_ raw: [UInt8], _ name: String) throws -> [UInt8] {
        let largest = raw.withUnsafeBytes { $0.bindMemory(to: UInt16.self).max() ?? 0 }
        guard largest <= UInt8.max else {
            throw AltaError(
                "a 16-bit grey PNG has more than 8 bits in use",
                why: "its largest value is \(largest), and how it becomes 8 bits is not in the file",
                remedy: "scale it to 8 bits with the window you want (for example value x 255 / \(largest))", file: name
            )
        }
        return raw.withUnsafeBytes { $0.bindMemory(to: UInt16.self).map { UInt8(truncatingIfNeeded: $0) } }
    }

    private func highBytes(_ raw: [UInt8]) -> [UInt8] {
        raw.withUnsafeBytes { $0.bindMemory(to: UInt16.self).map { UInt8(truncatingIfNeeded: $0 >> 8) } }
    }

    /// Samples of 1, 2 or 4 bits, the first in a byte's highest bits; grey ones are stretched to 0...255.
    private func unpacked(_ raw: [UInt8]) -> [UInt8] {
        let perByte = 8 / bitDepth
        let largest = (1 << bitDepth) - 1
        let stretch = isPalette ? 1 : 255 / largest
        var values = [UInt8](repeating: 0, count: width * height)
        for row in 0..<height {
            for column in 0..<width {
                let shift = 8 - bitDepth * (column % perByte + 1)
                let sample = Int(raw[row * rowByteCount + column / perByte]) >> shift & largest
                values[row * width + column] = UInt8(sample * stretch)
            }
        }
        return values
    }

    private func coloured(_ indices: [UInt8], _ palette: [UInt8]) -> RasterRGB {
        var pixels = [UInt8](repeating: 0, count: 3 * indices.count)
        for (position, index) in indices.enumerated() {
            for channel in 0..<3 { pixels[3 * position + channel] = palette[3 * Int(index) + channel] }
        }
        return RasterRGB(channels: 3, height: height, width: width, pixels: pixels).withoutEqualChannels()
    }

    private func withoutAlpha(_ values: [UInt8]) -> [UInt8] {
        let colours = samples - 1
        let count = width * height
        return [UInt8](unsafeUninitializedCapacity: colours * count) { output, initialized in
            values.withUnsafeBufferPointer { input in
                for index in 0..<count {
                    for channel in 0..<colours { output[colours * index + channel] = input[samples * index + channel] }
                }
            }
            initialized = colours * count
        }
    }
}
