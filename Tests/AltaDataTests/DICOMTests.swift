import AltaCore
import AltaData
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

/// The DICOM files that ship with the tests.
enum DICOMFixtures {
    static let names = ((try? expected())?.names(under: "published/")) ?? []
    static let exactNames = names.filter { !$0.hasPrefix("near_") }

    static func expected() throws -> ImageFixtures { try ImageFixtures("dicom/expected.safetensors") }

    static func path(_ name: String) -> String { SharedMaterial.fixture("dicom/\(name).dcm") }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path(name)))) }
}

@Suite("DICOM pixels equal pydicom's and OpenCV's")
struct DICOMTests {
    @Test("the fixture is there")
    func fixtureIsThere() { #expect(DICOMFixtures.names.count >= 30) }

    @Test("x 255 / max as published", arguments: DICOMFixtures.exactNames)
    func published(name: String) throws {
        let raster = try ImageDecoder.decode(path: DICOMFixtures.path(name))
        let expected = try DICOMFixtures.expected().tensor("published/\(name)")
        #expect(raster.channels == 1 && [raster.height, raster.width] == expected.shape)
        #expect(differences(raster.pixels, expected) == 0)
    }

    @Test("minimum to maximum and equalised as in MIMIC-CXR-JPG", arguments: DICOMFixtures.exactNames)
    func mimic(name: String) throws {
        let raster = try ImageDecoder.decode(path: DICOMFixtures.path(name), dicomScaling: .mimic)
        #expect(differences(raster.pixels, try DICOMFixtures.expected().tensor("mimic/\(name)")) == 0)
    }

    @Test("scaling pydicom's stored values gives the same", arguments: DICOMFixtures.exactNames)
    func storedValues(name: String) throws {
        let stored = try DICOMFixtures.expected().tensor("stored/\(name)").integers().map { Int32($0) }
        for scaling in DicomScaling.allCases {
            let pixels = scaling.pixels(stored: stored, isInverted: name.hasSuffix("inverted"))
            #expect(try pixels == ImageDecoder.decode(path: DICOMFixtures.path(name), dicomScaling: scaling).pixels)
        }
    }

    @Test("lossy JPEG of 12 bits, whose transforms differ, to a grey level")
    func near() throws {
        let raster = try ImageDecoder.decode(path: DICOMFixtures.path("near_jpeg_12"))
        let expected = try DICOMFixtures.expected().tensor("published/near_jpeg_12").integers()
        #expect(zip(raster.pixels, expected).allSatisfy { abs(Int($0) - $1) <= 1 })
    }

    @Test("maxima of all sizes", arguments: 0..<17)
    func ramps(number: Int) throws {
        let ramp = try DICOMFixtures.expected().tensor("ramp/\(number)").integers().map { Int32($0) }
        let pixels = try #require(DicomScaling.published.pixels(stored: ramp, isInverted: false))
        #expect(differences(pixels, try DICOMFixtures.expected().tensor("scaled/\(number)")) == 0)
    }

    @Test("histograms: few levels, one level, all levels", arguments: 0..<6)
    func equalizes(number: Int) throws {
        let plain = try DICOMFixtures.expected().tensor("plain/\(number)").integers().map { UInt8($0) }
        #expect(
            differences(DicomScaling.equalized(plain), try DICOMFixtures.expected().tensor("flat/\(number)")) == 0)
    }

    @Test("many files at once")
    func concurrently() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for name in DICOMFixtures.exactNames + DICOMFixtures.exactNames {
                group.addTask {
                    let raster = try ImageDecoder.decode(path: DICOMFixtures.path(name))
                    return differences(raster.pixels, try DICOMFixtures.expected().tensor("published/\(name)")) == 0
                }
            }
            for try await isEqual in group { #expect(isEqual) }
        }
    }
}

@Suite("alta-data inspect reads DICOM", .enabled(if: BuiltDataCommand.isThere))
struct DICOMCommandTests {
    private func inspect(_ arguments: [String]) throws -> (exitCode: Int32, error: String, output: String) {
        let folder = try SharedMaterial.temporaryFolder("inspect")
        let output = "\(folder)/out.safetensors"
        let outcome = try TokenCommandTests().run(["inspect"] + arguments + ["--output", output])
        #expect(outcome.output == "")
        return (outcome.exitCode, outcome.error, output)
    }

    @Test("by either scaling", arguments: DicomScaling.allCases)
    func scalings(scaling: DicomScaling) throws {
        let path = DICOMFixtures.path("jpegls_16_inverted")
        let options = scaling == .published ? [] : ["--dicom-scaling", scaling.rawValue]
        let result = try inspect([path, "--size", "20"] + options)
        #expect(result.exitCode == 0 && result.error == "")
        let written = try SafetensorsFile(path: result.output)
        let raster = try ImageDecoder.decode(path: path, dicomScaling: scaling)
        #expect(try differences(ImagePipeline.evaluation(raster, imageSize: 20).pixels, written.tensor("image")) == 0)
    }

    @Test("another scaling is wrong usage; a damaged file is one line, without the library's own words")
    func faults() throws {
        let usage = try inspect([DICOMFixtures.path("jpeg_8"), "--dicom-scaling", "mimik"])
        #expect(usage.exitCode == 2 && usage.error.contains("did you mean mimic"))
        let folder = try SharedMaterial.temporaryFolder("cut")
        try Data(DICOMFixtures.bytes("rle_8").dropLast(60)).write(to: URL(filePath: "\(folder)/cut.dcm"))
        let cut = try inspect(["\(folder)/cut.dcm"])
        #expect(cut.exitCode == 1 && cut.error.hasPrefix("error: DICOM image is truncated or damaged"))
        #expect(cut.error.split(separator: "\n").count == 1)
    }
}

@Suite("DICOM files that are no usable radiograph are refused by name")
struct DICOMRefusalTests {
    @Test(
        "kinds that are not read, and attributes that do not fit",
        arguments: [
            ("frames", "DICOM of 2 frames is not supported"), ("colour", "DICOM of kind RGB is not supported"),
            ("without_pixels", "it has no pixel data"), ("without_rows", "does not say how its pixels are stored"),
            ("hollow", "9000 x 9000, which a file of 480 bytes cannot hold"),
            ("huge", "65535 x 65535, the limit is"), ("bits_32", "DICOM with 32 bits a pixel is not supported"),
            ("high_bit", "DICOM with its highest bit at 15 is not supported"),
            ("other_size", "compressed pixels are not of its size"), ("nested", "more items in sequences"),
            ("negative", "none of them is above zero"),
            ("jpeg2000", "JPEG 2000 (Lossless only) (1.2.840.10008.1.2.4.90)"),
            ("deflated", "Deflated Explicit VR Little Endian"), ("without_meta", "neither JPEG nor PNG nor DICOM"),
        ])
    func refused(name: String, phrase: String) {
        let path = DICOMFixtures.path("refused_\(name)")
        let error = #expect(throws: AltaError.self) { try ImageDecoder.decode(path: path) }
        #expect(error?.description.contains(phrase) == true, "\(error?.description ?? "")")
        #expect(error?.file == path && error?.remedy != nil)
    }

    @Test("a maximum that is not above zero still has a minimum")
    func negativeValuesByMimic() throws {
        let raster = try ImageDecoder.decode(path: DICOMFixtures.path("refused_negative"), dicomScaling: .mimic)
        #expect(Set(raster.pixels).count > 100)
    }

    @Test(
        "a file cut anywhere", arguments: ["explicit_16", "implicit_12", "jpeg_8", "lossless_16", "jpegls_12", "rle_8"])
    func truncated(name: String) throws {
        let whole = try DICOMFixtures.bytes(name)
        let ends = Array(132..<(whole.count - 12)).filter { $0 % 7 == 0 } + [whole.count - 10]
        for end in ends {
            // What lies behind the last pixel may go: a padding byte, delimiters.
            do {
                let raster = try ImageDecoder.decode(bytes: Array(whole[..<end]), name: name)
                #expect(end >= whole.count - 12, "\(end) of \(whole.count)")
                #expect(raster.height == 24)
            } catch let error as AltaError {
                #expect(error.file == name)
            }
        }
    }

    @Test("lengths that claim more than the file has cost neither memory nor time")
    func largeLengths() throws {
        var bytes = try DICOMFixtures.bytes("explicit_16")
        let tag: [UInt8] = [0xE0, 0x7F, 0x10, 0x00]
        let place = try #require(bytes.indices.dropLast(12).first { Array(bytes[$0..<($0 + 4)]) == tag })
        for length: [UInt8] in [[0xFE, 0xFF, 0xFF, 0xFF], [0xFE, 0xFF, 0xFF, 0x7F]] {
            bytes.replaceSubrange((place + 8)..<(place + 12), with: length)
            let error = #expect(throws: AltaError.self) { try ImageDecoder.decode(bytes: bytes, name: "claims") }
            #expect(error?.what == "DICOM image is truncated or damaged")
        }
    }

    @Test("mutated files are decoded or refused, never a crash", arguments: 0..<6)
    func mutations(part: Int) throws {
        let rounds = 500
        var refused = 0
        for round in 0..<rounds {
            let key = RandomKey(seed: 11, purpose: .test).child(UInt64(part)).child(UInt64(round))
            let name = DICOMFixtures.names[key.integer(0, below: DICOMFixtures.names.count)]
            var bytes = try DICOMFixtures.bytes(name)
            let isHead = key.integer(1, below: 2) == 0
            for change in 0...key.integer(2, below: 4) {
                let place =
                    isHead
                    ? 132 + key.integer(3 + change, below: bytes.count - 132)
                    : bytes.count - 1
                        - key.integer(3 + change, below: min(bytes.count - 132, 700))
                bytes[place] = UInt8(truncatingIfNeeded: key.word(40 + change))
            }
            do { _ = try ImageDecoder.decode(bytes: bytes, name: name) } catch is AltaError { refused += 1 }
        }
        #expect(refused > rounds / 20 && refused < rounds)
    }
}
