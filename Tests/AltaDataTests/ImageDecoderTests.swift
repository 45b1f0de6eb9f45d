import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

@Suite("Decoding equals Pillow's convert(\"RGB\")")
struct ImageDecoderTests {
    static let files = ((try? ImageFixtures.made())?.names(under: "decoded/")) ?? []

    @Test("the fixture is there")
    func fixtureIsThere() { #expect(Self.files.count >= 35) }

    @Test("every kind of PNG and JPEG", arguments: files)
    func decodes(file: String) throws {
        let expected = try ImageFixtures.made().tensor("decoded/\(file)")
        let raster = try ImageDecoder.decode(path: ImageFixtures.file(file))
        #expect([raster.height, raster.width, 3] == expected.shape)
        #expect(differences(raster.expanded.pixels, expected) == 0)
    }

    @Test("one channel is stored where all are equal", arguments: ["grey.jpg", "grey_as_rgb.jpg", "grey_alpha16.png"])
    func storesOneChannel(file: String) throws {
        #expect(try ImageDecoder.decode(path: ImageFixtures.file(file)).channels == 1)
    }

    @Test("a single coloured pixel, wherever it is, keeps three channels")
    func keepsColour() throws {
        let grey = try ImageDecoder.decode(path: ImageFixtures.file("grey8.png")).expanded
        for position in [0, 1, 15, 16, 17, 400, grey.height * grey.width - 1] {
            for channel in 0..<3 {
                var pixels = grey.pixels
                pixels[3 * position + channel] ^= 1
                let coloured = RasterRGB(channels: 3, height: grey.height, width: grey.width, pixels: pixels)
                let file = Self.uncompressedPNG(coloured)
                #expect(try ImageDecoder.decode(bytes: file, name: "made") == coloured)
            }
        }
    }

    /// An RGB PNG with stored deflate blocks.
    static func uncompressedPNG(_ raster: RasterRGB) -> [UInt8] {
        func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
        func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
            let body = Array(kind.utf8) + data
            var crc: UInt32 = 0xFFFF_FFFF
            for byte in body {
                crc ^= UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
            }
            return big(UInt32(data.count)) + body + big(~crc)
        }
        let rowByteCount = 3 * raster.width
        var raw: [UInt8] = []
        for row in 0..<raster.height { raw += [0] + raster.pixels[(row * rowByteCount)..<((row + 1) * rowByteCount)] }
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in raw {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        let count = UInt16(raw.count)
        let length =
            withUnsafeBytes(of: count.littleEndian, Array.init) + withUnsafeBytes(of: (~count).littleEndian, Array.init)
        let stream = [0x78, 0x01, 0x01] + length + raw + big(high << 16 | low)
        let header = big(UInt32(raster.width)) + big(UInt32(raster.height)) + [8, 2, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", stream)
            + chunk("IEND", [])
    }
}
