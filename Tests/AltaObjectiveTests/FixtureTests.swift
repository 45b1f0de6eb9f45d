import AltaCore
import AltaObjective
import AltaObjectiveSupport
import AltaTestSupport
import Foundation
import Testing

/// The losses and their temperatures' gradients against the reference implementation's fixtures.
@Suite struct FixtureTests {
    static let lossTolerance = 1e-5
    static let gradientTolerance = 2e-4
    static let scaleNames = ["logit_scale", "logit_scale_local1", "logit_scale_local2", "logit_scale_local3"]

    @Test(arguments: ["tiny.safetensors", "wide.safetensors"], [1, 3])
    func equalsTheReference(name: String, rankCount: Int) throws {
        let fixture = try FixtureFile(SharedMaterial.fixture(name))
        let run = try ShardedRun.evaluate(try batch(fixture), rankCount: rankCount)
        let (global, local) = (
            try fixture.floats("losses/global_contrastive")[0], try fixture.floats("losses/local_contrastive")[0]
        )
        #expect(abs(run.globalLoss / Double(global) - 1) < Self.lossTolerance)
        #expect(abs(run.localLoss / Double(local) - 1) < Self.lossTolerance)
        for (found, name) in zip(run.scales, Self.scaleNames) {
            let expected = Double(try fixture.floats("gradients/\(name)")[0])
            #expect(abs(found / expected - 1) < Self.gradientTolerance, "\(name): \(found), expected \(expected)")
        }
    }

    private func batch(_ fixture: FixtureFile) throws -> SampleBatch {
        let counts = try fixture.integers("embeddings/words")
        let shape = try fixture.shape("embeddings/text_local")
        let (rows, width) = (shape[1], shape[2])
        let padded = try fixture.floats("embeddings/text_local")
        let words = counts.indices.flatMap { i in
            padded[i * rows * width..<(i * rows + min(counts[i], rows)) * width]
        }
        let scales = try Self.scaleNames.map { try fixture.floats("weights/\($0)")[0] }
        return SampleBatch(
            width: width, patchesPerStudy: try fixture.shape("embeddings/image_local")[1],
            wordCounts: counts.map { min($0, rows) }, images: try fixture.floats("embeddings/image_global"),
            texts: try fixture.floats("embeddings/text_global"), patches: try fixture.floats("embeddings/image_local"),
            words: words,
            scales: ContrastiveScales(
                logitScale: scales[0], localScale1: scales[1], localScale2: scales[2], localScale3: scales[3]))
    }
}

/// Just enough of a safetensors reader for the fixtures, which are this project's own files.
struct FixtureFile {
    private struct Entry: Decodable {
        let shape: [Int]
        let offsets: [Int]
        enum CodingKeys: String, CodingKey {
            case shape
            case offsets = "data_offsets"
        }
    }

    private let entries: [String: Entry]
    private let body: Data

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        let headerBytes = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = data.subdata(in: 8..<8 + headerBytes)
        var objects = try #require(JSONSerialization.jsonObject(with: header) as? [String: Any])
        objects["__metadata__"] = nil
        entries = try JSONDecoder().decode(
            [String: Entry].self, from: JSONSerialization.data(withJSONObject: objects))
        body = data.subdata(in: 8 + headerBytes..<data.count)
    }

    func shape(_ name: String) throws -> [Int] { try #require(entries[name]).shape }

    func floats(_ name: String) throws -> [Float] { try numbers(name) }

    func integers(_ name: String) throws -> [Int] { try numbers(name) }

    private func numbers<T: BitwiseCopyable>(_ name: String) throws -> [T] {
        let entry = try #require(entries[name])
        return body.subdata(in: entry.offsets[0]..<entry.offsets[1]).withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: T.self)
            }
        }
    }
}
