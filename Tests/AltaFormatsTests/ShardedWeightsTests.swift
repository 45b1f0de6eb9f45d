import AltaCore
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

@Suite struct ShardedWeightsTests {
    private let folder: String

    init() throws {
        folder = try SharedMaterial.temporaryFolder("sharded")
        try SafetensorsWriter.write(
            [.floats("a", shape: [2], [1, 2]), .floats("spare", shape: [1], [9])], to: "\(folder)/one.safetensors")
        try FileManager.default.copyItem(
            atPath: SharedMaterial.fixture("torch/tied.pth"), toPath: "\(folder)/two.bin")
    }

    private func open(_ index: String) throws -> WeightFile {
        let path = "\(folder)/model.index.json"
        try AtomicFile.write(path, text: index)
        return try WeightFile.open(path)
    }

    @Test func indexPresentsItsFilesAsOne() throws {
        let file = try open(
            #"""
            {"metadata": {"total_size": 88},
             "weight_map": {"part": "two.bin", "a": "one.safetensors", "embedding": "two.bin"}}
            """#)
        #expect(file.format == .sharded && file.names == ["part", "a", "embedding"])
        #expect(file.skipped == ["spare", "decoder", "turned"])
        #expect(try file.tensor("a").floats() == [1, 2] && file.shape(of: "part") == [3, 4])
        var values = [Float](repeating: 0, count: try file.elementCount(of: "embedding"))
        try values.withUnsafeMutableBufferPointer { try file.readFloats("embedding", into: $0) }
        #expect(try values == TorchFile(path: "\(folder)/two.bin").tensor("embedding").floats())
    }

    @Test(arguments: [
        (#"{"weight_map": {"a": "absent.bin"}}"#, "No such file"),
        (#"{"weight_map": {"b": "one.safetensors"}}"#, "one.safetensors lacks the tensor b"),
        (#"{"weight_map": {"a": "../one.safetensors"}}"#, "leaves the folder"),
        (#"{"weight_map": {"a": "x/../../one.safetensors"}}"#, "leaves the folder"),
        (#"{"weight_map": {"a": "/etc/passwd"}}"#, "leaves the folder"),
        (#"{"weight_map": {"a": ""}}"#, "leaves the folder"),
        (#"{"weight_map": {"a": "one.safetensors\u0000.bin"}}"#, "leaves the folder"),
        (#"{"weight_map": {"a": "model.index.json"}}"#, "neither safetensors"),
        (#"{"weight_map": {"a": "."}}"#, "a folder"),
        (#"{"weight_map": {"a": 1}}"#, "is no text"), (#"{"weight_map": {}}"#, "no weight_map"),
        (#"{"metadata": {}}"#, "no weight_map"), (#"{"weight_map": {"a": "one.safetensors""#, "expected"),
    ])
    func wrongIndicesAreRefused(index: String, message: String) throws {
        let error = try #require(throws: AltaError.self) { try open(index) }
        #expect("\(error)".contains(message), "\(error)")
    }

    @Test(arguments: [
        ("", "neither safetensors"), ("hello", "neither safetensors"), ("[1, 2]", "neither safetensors"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "a placeholder of Git LFS"),
    ])
    func otherFilesAreRefused(content: String, message: String) throws {
        let path = "\(folder)/other"
        try AtomicFile.write(path, text: content)
        let error = try #require(throws: AltaError.self) { try WeightFile.open(path) }
        #expect("\(error)".contains(message) && error.file == path, "\(error)")
        #expect(throws: AltaError.self) { try WeightFile.open(folder) }
    }

    @Test func metadataIsThatOfTheFile() throws {
        let file = try WeightFile.open(SharedMaterial.fixture("tiny.safetensors"))
        #expect(file.metadata["batch"] == "4" && file.skipped.isEmpty && file.names.count == 375)
        let halves = try WeightFile.open(SharedMaterial.fixture("torch/types.pth"))
        #expect(try halves.tensor("bfloat16").dtype == .bfloat16 && halves.metadata.isEmpty)
    }
}
