import AltaCore
import AltaData
import AltaTestSupport
import Foundation

/// Expected pixels in a safetensors file that ships with the tests.
struct ImageFixtures {
    struct Tensor {
        var shape: [Int]
        var bytes: [UInt8]
        var floats: [Float] { bytes.withUnsafeBytes { raw in (0..<(raw.count / 4)).map { load(raw, $0) } } }

        private func load(_ raw: UnsafeRawBufferPointer, _ index: Int) -> Float {
            Float(bitPattern: raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
        }
    }

    struct Missing: Error { var name: String }

    let header: JSONValue
    let data: [UInt8]
    let start: Int

    init(_ name: String) throws {
        data = [UInt8](try Data(contentsOf: URL(filePath: SharedMaterial.fixture(name))))
        let length = data.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        start = 8 + length
        header = try data.withUnsafeBytes {
            try JSONValue(parsing: UnsafeRawBufferPointer(rebasing: $0[8..<(8 + length)]))
        }
    }

    static func made() throws -> ImageFixtures { try ImageFixtures("images/expected.safetensors") }

    static func file(_ name: String) -> String { SharedMaterial.fixture("images/\(name)") }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: file(name)))) }

    func names(under prefix: String) -> [String] {
        (header.object?.keys ?? []).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    func tensor(_ name: String) throws -> Tensor {
        guard let entry = header[name], let shape = entry["shape"]?.array?.compactMap(\.int),
            let offsets = entry["data_offsets"]?.array?.compactMap(\.int), offsets.count == 2
        else { throw Missing(name: name) }
        return Tensor(shape: shape, bytes: Array(data[(start + offsets[0])..<(start + offsets[1])]))
    }

    func metadata(_ name: String) throws -> JSONObject {
        guard let text = header["__metadata__"]?[name]?.string, let object = try JSONValue(parsing: text).object else {
            throw Missing(name: name)
        }
        return object
    }
}

/// How many values differ; all where the counts do.
func differences(_ a: [UInt8], _ b: [UInt8]) -> Int {
    a.count == b.count ? zip(a, b).count { $0 != $1 } : max(a.count, b.count)
}

/// A raster of keyed random pixels.
func randomRaster(channels: Int, height: Int, width: Int, seed: UInt64) -> RasterRGB {
    let key = RandomKey(seed: seed, purpose: .test)
    let pixels = (0..<(channels * height * width)).map { UInt8(truncatingIfNeeded: key.word($0)) }
    return RasterRGB(channels: channels, height: height, width: width, pixels: pixels)
}
