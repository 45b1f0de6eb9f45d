import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

@Suite("Files that are no usable radiograph are refused by name")
struct ImageDecoderErrorTests {
    /// The error of decoding these bytes must say `phrase` and name the file.
    private func expectRefusal(_ bytes: [UInt8], _ phrase: String, _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: AltaError.self, sourceLocation: location) {
            try ImageDecoder.decode(bytes: bytes, name: "folder/picture")
        }
        let text = error?.description ?? ""
        #expect(text.contains(phrase) && text.contains("folder/picture"), "\(text)", sourceLocation: location)
        #expect(error?.remedy != nil, sourceLocation: location)
    }

    @Test("missing file and folder")
    func noFile() throws {
        let folder = try SharedMaterial.temporaryFolder("images")
        let absent = #expect(throws: AltaError.self) { try ImageDecoder.decode(path: folder + "/absent.jpg") }
        #expect(absent?.description.contains("image not found (\(folder)/absent.jpg)") == true)
        let isFolder = #expect(throws: AltaError.self) { try ImageDecoder.decode(path: folder) }
        #expect(isFolder?.description.contains("the path is a folder") == true)
    }

    @Test("empty, and of another kind")
    func otherKinds() {
        expectRefusal([], "image is empty")
        expectRefusal(Array("GIF89a, say".utf8), "neither JPEG nor PNG nor DICOM")
        expectRefusal([0xFF], "neither JPEG nor PNG nor DICOM")
        expectRefusal([0xFF, 0xD8, 0xFF], "JPEG image is truncated or damaged")
        expectRefusal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "PNG image is truncated or damaged")
    }

    @Test("a JPEG cut anywhere", arguments: ["colour_420.jpg", "grey_progressive.jpg"])
    func truncatedJPEG(file: String) throws {
        let whole = try ImageFixtures.bytes(file)
        for kept in [4, 20, whole.count / 4, whole.count / 2, whole.count - 100, whole.count - 2, whole.count - 1] {
            expectRefusal(Array(whole[..<kept]), "JPEG image is truncated or damaged")
        }
    }

    @Test("a PNG cut anywhere in its pixels", arguments: ["rgb8.png", "grey8_interlaced.png"])
    func truncatedPNG(file: String) throws {
        let whole = try ImageFixtures.bytes(file)
        for kept in [9, 20, 40, whole.count / 4, whole.count / 2, whole.count - 30] {
            expectRefusal(Array(whole[..<kept]), "PNG image is truncated or damaged")
        }
    }

    @Test("a PNG with a changed byte in header or pixels")
    func corruptPNG() throws {
        let whole = try ImageFixtures.bytes("rgb8.png")
        for place in [17, 24, 50, whole.count / 2, whole.count - 20] {
            var bytes = whole
            bytes[place] ^= 0x55
            expectRefusal(bytes, "damaged")
        }
    }

    @Test("sizes that are past the limit or that the file cannot hold, before anything is allocated")
    func impossibleSizes() throws {
        expectRefusal(try ImageFixtures.bytes("huge_refused.png"), "60000 x 60000, the limit is 178956970 pixels")
        expectRefusal(
            try ImageFixtures.bytes("hollow_refused.png"), "9000 x 9000, which a file of 69 bytes cannot hold")
        var jpeg = try ImageFixtures.bytes("grey.jpg")
        let frame = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        func claim(_ side: UInt16) {
            for offset in [5, 7] {
                jpeg[frame + offset] = UInt8(side >> 8)
                jpeg[frame + offset + 1] = UInt8(side & 255)
            }
        }
        claim(60000)
        expectRefusal(jpeg, "60000 x 60000, the limit is 178956970 pixels")
        claim(9000)
        expectRefusal(jpeg, "9000 x 9000, which a file of \(jpeg.count) bytes cannot hold")
    }

    @Test("CMYK, and 16-bit grey that Pillow would clip to white")
    func refusedKinds() throws {
        expectRefusal(try ImageFixtures.bytes("cmyk_refused.jpg"), "CMYK JPEG is not supported")
        for name in ["grey16_refused.png", "grey16_full.png"] {
            expectRefusal(try ImageFixtures.bytes(name), "a 16-bit grey PNG has more than 8 bits in use")
        }
    }

    @Test("mutated files are decoded or refused, never a crash")
    func mutations() throws {
        let files = ["colour_420.jpg", "grey_progressive.jpg", "rgb8.png", "palette4.png", "grey_alpha16.png"]
        let rounds = 400
        var refused = 0
        for (number, file) in files.enumerated() {
            let whole = try ImageFixtures.bytes(file)
            for round in 0..<rounds {
                let key = RandomKey(seed: 5, purpose: .test).child(UInt64(number)).child(UInt64(round))
                var bytes = whole
                for change in 0...key.integer(0, below: 4) {
                    bytes[key.integer(1 + 2 * change, below: bytes.count)] = UInt8(
                        truncatingIfNeeded: key.word(50 + change))
                }
                do { _ = try ImageDecoder.decode(bytes: bytes, name: file) } catch is AltaError { refused += 1 }
            }
        }
        #expect(refused > files.count * rounds / 4)
    }
}
