import AltaCore
import AltaData
import AltaTestSupport
import Testing

@Suite("Transforms equal Pillow's and torchvision's to the last bit")
struct ImagePipelineTests {
    static let cases = ((try? ImageFixtures.made())?.names(under: "cropped/")) ?? []
    static let folder = "radiographs/images"

    /// The file, the side and the parameters of a case.
    private func read(_ name: String) throws -> (raster: RasterRGB, side: Int, augmentation: Augmentation) {
        var object = try #require(try ImageFixtures.made().metadata("cases")[name]?.object)
        let file = try #require(object["file"]?.string)
        let side = try #require(object["side"]?.int)
        object["file"] = nil
        object["side"] = nil
        let raster = try ImageDecoder.decode(path: ImageFixtures.file(file))
        return (raster, side, try Augmentation(json: .object(object)))
    }

    @Test("the fixture is there")
    func fixtureIsThere() { #expect(Self.cases.count >= 18) }

    @Test("resize and centre crop", arguments: cases)
    func crops(name: String) throws {
        let (raster, side, _) = try read(name)
        let expected = try ImageFixtures.made().tensor("cropped/\(name)")
        #expect(differences(ImagePipeline.evaluation(raster, imageSize: side).pixels, expected) == 0)
    }

    @Test("affine, brightness, contrast, grey", arguments: cases)
    func augments(name: String) throws {
        let (raster, side, augmentation) = try read(name)
        let expected = try ImageFixtures.made().tensor("augmented/\(name)")
        let result = ImagePipeline.training(raster, side: side, augmentation: augmentation)
        #expect(differences(result.pixels, expected) == 0)
    }

    @Test("three equal channels give what one gives", arguments: cases)
    func greyAsRGB(name: String) throws {
        let (raster, side, augmentation) = try read(name)
        let grey = raster.grey
        let one = RasterRGB(channels: 1, height: grey.height, width: grey.width, pixels: grey.pixels)
        let expected = ImagePipeline.training(one.expanded, side: side, augmentation: augmentation)
        #expect(ImagePipeline.training(one, side: side, augmentation: augmentation) == expected)
    }

    @Test("sides that are resized to: 8/7 of the crop")
    func resizedSides() {
        #expect([224, 448, 56, 14, 20, 1].map(ImagePipeline.resizedSide) == [256, 512, 64, 16, 23, 1])
    }

    @Test("real radiographs", .enabled(if: SharedMaterial.shared(folder) != nil))
    func radiographs() throws {
        let folder = try #require(SharedMaterial.shared(Self.folder))
        let fixtures = try ImageFixtures("transforms.safetensors")
        let parameters = try fixtures.metadata("parameters")
        #expect(parameters.count == 6)
        for member in parameters.members {
            let raster = try ImageDecoder.decode(path: "\(folder)/\(member.key)")
            let augmentation = try Augmentation(json: member.value)
            let evaluation = ImagePipeline.evaluation(raster)
            let training = ImagePipeline.training(raster, side: 448, augmentation: augmentation)
            #expect(differences(evaluation.pixels, try fixtures.tensor("evaluation/\(member.key)")) == 0)
            #expect(differences(training.pixels, try fixtures.tensor("training/\(member.key)")) == 0)
        }
    }
}
