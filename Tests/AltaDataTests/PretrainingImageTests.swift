import AltaCore
import AltaData
import AltaTestSupport
import Testing

@Suite("The pretraining stage's images equal torchvision's")
struct PretrainingImageTests {
    static let cases = ((try? fixtures())?.names(under: "boxed/")) ?? []
    /// Sums of 16 products of single precision in another order than torch's.
    static let tolerance: Float = 1e-5

    static func fixtures() throws -> ImageFixtures { try ImageFixtures("pretraining.safetensors") }

    @Test("the fixture is there")
    func fixtureIsThere() { #expect(Self.cases.count >= 19) }

    @Test("box, resize, mirror, grey, to the last bit", arguments: cases)
    func boxes(name: String) throws {
        let recorded = try #require(try Self.fixtures().metadata("cases")[name]?.object)
        let raster = try ImageDecoder.decode(path: ImageFixtures.file(#require(recorded["file"]?.string)))
        let crop = try CropAugmentation(recorded: recorded)
        let grey = ImagePipeline.pretraining(raster, side: try #require(recorded["side"]?.int), crop: crop)
        #expect(differences(grey.pixels, try Self.fixtures().tensor("boxed/\(name)")) == 0)
    }

    @Test("every grey level by the constants of MRM, to the last bit")
    func normalizes() throws {
        let grey = GreyImage(height: 16, width: 16, pixels: (0...255).map { UInt8($0) })
        let image = PlanarImage.normalized(grey: grey, by: .mrm)
        #expect(image.pixels == (try Self.fixtures().tensor("normalized").floats()))
    }

    @Test("half the resolution without antialiasing, even and odd sides", arguments: 0..<5)
    func reduces(number: Int) throws {
        let input = try Self.fixtures().tensor("input/\(number)")
        let expected = try Self.fixtures().tensor("reduced/\(number)")
        let image = try PlanarImage(
            channels: input.shape[0], height: input.shape[1], width: input.shape[2], pixels: input.floats())
        let half = image.halved(antialias: false)
        #expect([half.channels, half.height, half.width] == expected.shape)
        let largest = zip(half.pixels, try expected.floats()).map { abs($0 - $1) }.max()
        #expect(try #require(largest) < Self.tolerance)
        #expect(number == 3 || half != image.halved())
    }

    @Test("the taps at a factor of 2 are -3, 19, 19 and -3 of 32")
    func taps() {
        let expected: [Int: [Float]] = [4: [0, -3, 19, 0], 5: [0, 0, 19, -3], 0: [16, 0, 0, 0]]
        for (place, row) in expected {
            let pixels = (0..<64).map { Float($0 % 8 == place ? 32 : 0) }
            let image = PlanarImage(channels: 1, height: 8, width: 8, pixels: pixels)
            #expect(image.halved(antialias: false).pixels == row + row + row + row)
        }
    }
}

@Suite("Boxes are drawn as torchvision draws them")
struct CropAugmentationTests {
    static let draws = 20_000

    @Test("means over shapes, the last of which no box fits", arguments: 0..<4)
    func distribution(number: Int) throws {
        let recorded = try #require(try TransformDigests.read()["draws"]?.array?[number].object)
        let width = try #require(recorded["width"]?.int)
        let height = try #require(recorded["height"]?.int)
        var sums = (share: 0.0, ratio: 0.0, top: 0.0, left: 0.0, mirrored: 0.0)
        for row in 0..<Self.draws {
            let key = RandomKey(seed: 4, epoch: 0, study: StudyIndex(row), purpose: .test)
            let box = CropAugmentation.draw(key: key, height: height, width: width)
            #expect(box.top + box.height <= height && box.left + box.width <= width)
            sums.share += Double(box.height * box.width) / Double(height * width)
            sums.ratio += Double.naturalLogarithm(Double(box.width) / Double(box.height))
            sums.top += Double(box.top) / Double(height)
            sums.left += Double(box.left) / Double(width)
            sums.mirrored += box.isMirrored ? 1 : 0
        }
        // Five standard deviations of the difference of two means of 20,000: shares deviate by at most 0.23, logarithms
        // of ratios by 0.17, places by 0.2, a coin by 0.5.
        let pairs = [
            ("share", sums.share, 0.012), ("ratio", sums.ratio, 0.009), ("top", sums.top, 0.01),
            ("left", sums.left, 0.01),
        ]
        for (name, sum, tolerance) in pairs {
            let expected = try #require(recorded[name]?.double)
            #expect(abs(sum / Double(Self.draws) - expected) < tolerance, "\(name)")
        }
        #expect(abs(sums.mirrored / Double(Self.draws) - 0.5) < 0.018)
    }
}

@Suite("At the published sizes transforms equal torchvision's")
struct TransformDigestTests {
    static let folder = "radiographs/images"

    @Test("made pictures")
    func pictures() throws { try check("pictures", folder: SharedMaterial.fixture("images"), count: 12) }

    @Test("real radiographs", .enabled(if: SharedMaterial.shared(folder) != nil))
    func radiographs() throws {
        try check("radiographs", folder: #require(SharedMaterial.shared(Self.folder)), count: 24)
    }

    private func check(_ group: String, folder: String, count: Int) throws {
        let table = try #require(try TransformDigests.read()[group]?.object)
        func cases(_ name: String) throws -> [JSONObject] {
            let list = try #require(table[name]?.array).compactMap(\.object)
            #expect(list.count >= count)
            return list
        }
        for recorded in try cases("pretraining") {
            let file = try #require(recorded["file"]?.string)
            let raster = try ImageDecoder.decode(path: "\(folder)/\(file)")
            let grey = ImagePipeline.pretraining(raster, side: 448, crop: try CropAugmentation(recorded: recorded))
            #expect(TransformDigests.digest(grey) == recorded["digest"]?.string, "\(file)")
        }
        for recorded in try cases("training") {
            let file = try #require(recorded["file"]?.string)
            let raster = try ImageDecoder.decode(path: "\(folder)/\(file)")
            var parameters = recorded
            for key in ["file", "side", "cropped", "augmented"] { parameters[key] = nil }
            let training = ImagePipeline.training(
                raster, side: 224, augmentation: try Augmentation(json: .object(parameters)))
            #expect(TransformDigests.digest(ImagePipeline.evaluation(raster)) == recorded["cropped"]?.string, "\(file)")
            #expect(TransformDigests.digest(training) == recorded["augmented"]?.string, "\(file)")
        }
    }
}

/// Digests of recorded images.
enum TransformDigests {
    static func read() throws -> JSONObject {
        let bytes = try SmallFile.contents(SharedMaterial.fixture("transform_digests.json"), what: "the digests")
        let json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0) }
        return try #require(json.object)
    }

    static func digest(_ image: GreyImage) -> String {
        var hash = StableHash()
        image.pixels.withUnsafeBytes { hash.combine($0) }
        return hash.hex
    }
}

extension CropAugmentation {
    init(recorded object: JSONObject) throws {
        self.init(
            top: try #require(object["top"]?.int), left: try #require(object["left"]?.int),
            height: try #require(object["height"]?.int), width: try #require(object["width"]?.int),
            isMirrored: try #require(object["mirrored"]?.bool as Bool?))
    }
}
