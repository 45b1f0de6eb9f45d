import AltaCore
import AltaData
import AltaFormats
import AltaTestSupport
import Foundation

/// Expected pixels in a safetensors file that ships with the tests.
struct ImageFixtures {
    struct Missing: Error { var name: String }

    let expected: SafetensorsFile

    init(_ name: String) throws { expected = try SafetensorsFile(path: SharedMaterial.fixture(name)) }

    static func made() throws -> ImageFixtures { try ImageFixtures("images/expected.safetensors") }

    static func file(_ name: String) -> String { SharedMaterial.fixture("images/\(name)") }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: file(name)))) }

    func names(under prefix: String) -> [String] {
        expected.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    func tensor(_ name: String) throws -> TensorView { try expected.tensor(name) }

    func metadata(_ name: String) throws -> JSONObject {
        guard let text = expected.metadata[name], let object = try JSONValue(parsing: text).object else {
            throw Missing(name: name)
        }
        return object
    }
}

/// How many values of a U8 tensor `pixels` differs in; all where the counts do.
func differences(_ pixels: [UInt8], _ tensor: TensorView) -> Int {
    let expected = tensor.bytes
    return pixels.count == expected.count
        ? zip(pixels, expected).count { $0 != $1 } : max(pixels.count, expected.count)
}

/// A raster of keyed random pixels.
func randomRaster(channels: Int, height: Int, width: Int, seed: UInt64) -> RasterRGB {
    let key = RandomKey(seed: seed, purpose: .test)
    let pixels = (0..<(channels * height * width)).map { UInt8(truncatingIfNeeded: key.word($0)) }
    return RasterRGB(channels: channels, height: height, width: width, pixels: pixels)
}
