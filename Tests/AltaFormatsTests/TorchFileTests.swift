import AltaCore
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

/// What `torch.load` found in the files of `Tests/Fixtures/torch` (`Tests/Scripts/make_torch_fixtures.py`).
private struct ExpectedFile {
    struct Tensor {
        var name: String
        var dtype: String
        var shape: [Int]
        var hash: String
    }

    var file: String
    var skipped: [String]
    var tensors: [Tensor]

    static func all(_ name: String) throws -> [ExpectedFile] {
        let bytes = try SmallFile.contents(SharedMaterial.fixture("torch/\(name)"), what: "the expected values")
        let json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0) }
        return try #require(json.object).members.map { member in
            ExpectedFile(
                file: member.key, skipped: try #require(member.value["skipped"]?.array).compactMap(\.string),
                tensors: try #require(member.value["tensors"]?.array).map { row in
                    let fields = try #require(row.array)
                    return try Tensor(
                        name: #require(fields[0].string), dtype: #require(fields[1].string),
                        shape: #require(fields[2].array).compactMap(\.int), hash: #require(fields[3].string))
                })
        }
    }
}

/// XXH64 of a tensor's elements as F32 or I64.
private func hash(_ tensor: StoredTensor) throws -> String {
    var hash = StableHash()
    if tensor.dtype.isFloatingPoint {
        try tensor.floats().withUnsafeBytes { hash.combine($0) }
    } else {
        try tensor.integers().withUnsafeBytes { hash.combine($0) }
    }
    return hash.hex
}

private func compare(_ expected: ExpectedFile, at path: String) throws {
    let file = try WeightFile.open(path)
    #expect(file.names == expected.tensors.map(\.name) && file.skipped == expected.skipped, "\(expected.file)")
    for tensor in expected.tensors {
        let found = try file.tensor(tensor.name)
        #expect(found.dtype.rawValue == tensor.dtype && found.shape == tensor.shape, "\(expected.file) \(tensor.name)")
        #expect(found.elementCount == tensor.shape.reduce(1, *))
        #expect(try hash(found) == tensor.hash, "\(expected.file) \(tensor.name)")
    }
}

@Suite struct TorchFileTests {
    @Test func everyFixtureIsReadAsTorchReadsIt() throws {
        let files = try ExpectedFile.all("expected.json")
        #expect(files.count == 17)
        for expected in files { try compare(expected, at: SharedMaterial.fixture("torch/\(expected.file)")) }
    }

    @Test(.enabled(if: SharedMaterial.shared("fixtures") != nil, "../shared is absent"))
    func sharedCheckpointsAreReadAsTorchReadsThem() throws {
        for expected in try ExpectedFile.all("expected_shared.json") {
            try compare(expected, at: #require(SharedMaterial.shared("fixtures/\(expected.file)")))
        }
    }

    @Test func formatsAreToldByContent() throws {
        func format(_ name: String) throws -> WeightFile.Format {
            try WeightFile.open(SharedMaterial.fixture(name)).format
        }
        #expect(try format("torch/tied.pth") == .torchArchive)
        #expect(try format("torch/tied_legacy.pth") == .torchLegacy)
        #expect(try format("torch/protocol4_legacy.pth") == .torchLegacy)
        #expect(try format("tiny.safetensors") == .safetensors)
    }

    @Test func tensorsMayShareAStorage() throws {
        let file = try TorchFile(path: SharedMaterial.fixture("torch/tied.pth"))
        let whole = try file.tensor("embedding").floats()
        #expect(try file.tensor("decoder").floats() == whole)
        #expect(try file.tensor("part").floats() == Array(whole[8...]))
        let turned = try file.tensor("turned")
        #expect(!turned.isContiguous && turned.shape == [4, 5])
        let values = try turned.floats()
        for row in 0..<4 { for column in 0..<5 { #expect(values[row * 5 + column] == whole[column * 4 + row]) } }
    }

    @Test func hostileObjectIsNotRun() throws {
        // In Python, loading this file runs a command that makes a file in the working folder.
        let file = try WeightFile.open(SharedMaterial.fixture("torch/hostile.pth"))
        #expect(file.skipped == ["config"] && file.names.count == 4)
        #expect(!FileManager.default.fileExists(atPath: "alta-was-run"))
    }

    @Test(arguments: [
        ("sparse.pth", "it is built by torch._utils._rebuild_sparse_tensor"),
        ("quantised.pth", "it is built by torch._utils._rebuild_qtensor"),
        ("meta.pth", "it is built by torch._utils._rebuild_meta_tensor_no_storage"),
        ("nested.pth", "it is built by torch._utils._rebuild_nested_tensor"),
        ("complex.pth", "its type torch.ComplexFloatStorage"),
        ("uint16.pth", "its type torch.uint16"),
        ("negative.pth", "its elements are stored negated"),
        ("module.pth", "it holds an object of __main__.Outer, not a dictionary"),
        ("module_inside.pth", "it holds no tensors (model: an object of __main__.Outer, epoch: a number)"),
        ("two_sets.pth", "several sets of weights"), ("script.pt", "a TorchScript program is not read"),
        ("no_tensors.pth", "it holds no tensors (epoch: a number)"), ("list.pth", "it holds a list, not a dictionary"),
        ("big_endian.pth", "a big-endian PyTorch file is not read"), ("deflated.pth", "compressed by method 8"),
        ("no_storage.pth", "the storage 0 is not in the file"),
        ("short_storage.pth", "the storage 0 has 76 bytes instead of 20 elements of 4"),
        ("plain_pickle.pkl", "neither safetensors nor a file of torch.save"),
    ])
    func whatIsNotReadIsRefusedByName(name: String, message: String) throws {
        let path = SharedMaterial.fixture("torch/refused_\(name)")
        let error = try #require(throws: AltaError.self) { try WeightFile.open(path) }
        #expect("\(error)".contains(message), "\(error)")
        #expect(error.file == path && error.remedy != nil)
        if ["it is built", "its type", "its elements"].contains(where: message.hasPrefix) {
            #expect(error.what.contains("odd"))
        }
    }

    @Test func filesCutAtEveryByteAreRefused() throws {
        for name in ["tied.pth", "tied_legacy.pth", "protocol4_legacy.pth"] {
            let path = SharedMaterial.fixture("torch/\(name)")
            let whole = try SmallFile.contents(path, what: "a fixture")
            for byteCount in whole.indices {
                #expect(throws: AltaError.self, "\(name) of \(byteCount) bytes") {
                    try WeightFile.open(FileBytes(copying: whole[..<byteCount], name: "x"))
                }
            }
        }
    }

    @Test func absentTensorIsNamedWithItsNeighbour() throws {
        let file = try WeightFile.open(SharedMaterial.fixture("torch/tied.pth"))
        let error = try #require(throws: AltaError.self) { try file.shape(of: "embeding") }
        #expect("\(error)".contains("the nearest name is embedding"))
        #expect(throws: AltaError.self) { try file.tensor("embedding").integers() }
    }
}
