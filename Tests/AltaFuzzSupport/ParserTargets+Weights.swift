import AltaCore
import AltaFormats

extension ParserTargets {
    static func safetensors() throws -> ParserTarget {
        let header = """
            {"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},
            "h":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"e":{"dtype":"F64","shape":[0],"data_offsets":[26,26]},
            "i":{"dtype":"I64","shape":[1,2],"data_offsets":[26,42]},"b":{"dtype":"BOOL","shape":[2],"data_offsets":[42,44]}}
            """
        let bytes = StoredZip.little(header.utf8.count, 8) + Array(header.utf8) + (0..<44).map { UInt8($0) }
        return ParserTarget("safetensors", originals: [bytes]) { input in
            let file = try SafetensorsFile(FileBytes(copying: input, name: "input"))
            for name in file.names { try readThrough(StoredTensor(file.tensor(name))) }
        }
    }

    /// Archives with any byte changed; their sums are not checked by the reader.
    static func torchArchive() throws -> ParserTarget {
        try ParserTarget("torch-archive", originals: torchFiles { !$0.contains("legacy") }, read: readWeights)
    }

    /// Archives whose pickle alone is damaged, so that every input reaches the pickle machine.
    static func torchPickle() throws -> ParserTarget {
        let archives = try torchFiles { !$0.contains("legacy") }
        return ParserTarget("torch-pickle", originals: archives, mutate: mutatedPickle, read: readWeights)
    }

    static func torchLegacy() throws -> ParserTarget {
        try ParserTarget("torch-legacy", originals: torchFiles { $0.contains("legacy") }, read: readWeights)
    }

    /// Indices beside the fixtures, so that the files they name are there.
    static func weightIndex() throws -> ParserTarget {
        let texts = [
            #"{"metadata": {"total_size": 160}, "weight_map": {"embedding": "tied.pth", "w": "circular.pth"}}"#,
            #"{"weight_map": {"turned": "tied_legacy.pth", "part": "./tied.pth", "column": "../torch/strided.pth"}}"#,
        ]
        let place = path("torch/model.index.json")
        return ParserTarget("weight-index", originals: texts.map { Array($0.utf8) }) { input in
            try readThrough(WeightFile.open(FileBytes(copying: input, name: place)))
        }
    }

    private static func torchFiles(where isWanted: (String) -> Bool) throws -> [[UInt8]] {
        try fixtures("torch") { $0.hasSuffix(".pth") && isWanted($0) }
    }

    @Sendable private static func readWeights(_ input: [UInt8]) throws {
        try readThrough(WeightFile.open(FileBytes(copying: input, name: "input")))
    }

    @Sendable private static func mutatedPickle(_ archive: [UInt8], _ other: [UInt8], _ key: RandomKey) -> [UInt8] {
        var entries = StoredZip.entries(archive)
        let pickle = StoredZip.entries(other).first { $0.name.hasSuffix("data.pkl") }?.content ?? []
        for place in entries.indices where entries[place].name.hasSuffix("data.pkl") {
            entries[place].content = ByteMutator.mutated(entries[place].content, other: pickle, key: key)
        }
        return StoredZip.archive(entries, isLarge: key.integer(9, below: 2) == 0)
    }

    private static func readThrough(_ file: WeightFile) throws {
        precondition(Set(file.names).count == file.names.count, "a name stands twice in \(file.names)")
        for name in file.names { try readThrough(file.tensor(name)) }
    }

    private static func readThrough(_ tensor: StoredTensor) throws {
        let count = tensor.shape.reduce(1) { $0 &* $1 }
        precondition(tensor.elementCount == count || tensor.shape.contains(0), "\(tensor.name) \(tensor.shape)")
        let read = tensor.dtype.isFloatingPoint ? try tensor.floats().count : try tensor.integers().count
        precondition(read == tensor.elementCount, "\(read) elements of \(tensor.name) \(tensor.shape)")
    }
}
