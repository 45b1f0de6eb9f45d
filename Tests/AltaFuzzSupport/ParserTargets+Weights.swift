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

    /// Archives with any byte changed, or with entries left out, doubled, renamed, cut or of a wrong size; sums are not checked by the
    /// reader.
    static func torchArchive() throws -> ParserTarget {
        let archives = try torchFiles { !$0.contains("legacy") }
        return ParserTarget("torch-archive", originals: archives, mutate: mutatedArchive, read: readWeights)
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

    @Sendable private static func mutatedArchive(_ archive: [UInt8], _ other: [UInt8], _ key: RandomKey) -> [UInt8] {
        guard key.integer(7, below: 3) == 0 else { return ByteMutator.mutated(archive, other: other, key: key) }
        var entries = StoredZip.entries(archive)
        let place = key.integer(2, below: entries.count)
        switch key.integer(3, below: 6) {
        case 0: entries.remove(at: place)
        case 1: entries.append(entries[place])
        case 2: entries[place].name = entries[key.integer(4, below: entries.count)].name + "0"
        case 3: entries[place].content.removeLast(min(entries[place].content.count, key.integer(4, below: 9)))
        case 4: entries[place].claimedByteCount = key.integer(4, below: 2) == 0 ? key.integer(5, below: 5000) : -1
        default: entries.swapAt(place, key.integer(4, below: entries.count))
        }
        return StoredZip.archive(entries, isLarge: key.integer(9, below: 2) == 0)
    }

    @Sendable private static func mutatedPickle(_ archive: [UInt8], _ other: [UInt8], _ key: RandomKey) -> [UInt8] {
        var entries = StoredZip.entries(archive)
        let pickle = StoredZip.entries(other).first { $0.name.hasSuffix("data.pkl") }?.content ?? []
        for place in entries.indices where entries[place].name.hasSuffix("data.pkl") {
            let content = entries[place].content
            entries[place].content =
                key.integer(8, below: 2) == 0
                ? ByteMutator.mutated(content, other: pickle, key: key) : otherNumbers(content, key)
        }
        return StoredZip.archive(entries, isLarge: key.integer(9, below: 2) == 0)
    }

    /// A pickle whose short numbers (sizes, strides, offsets, counts) are others: small, large or negative.
    private static func otherNumbers(_ pickle: [UInt8], _ key: RandomKey) -> [UInt8] {
        var pickle = pickle
        let short = UInt8(ascii: "K")
        for change in 0...key.integer(0, below: 3) {
            let draw = key.child(UInt64(change))
            let places = pickle.indices.dropLast().filter { pickle[$0] == short }
            guard !places.isEmpty else { return pickle }
            let place = places[draw.integer(0, below: places.count)]
            let number: [UInt8] =
                switch draw.integer(1, below: 8) {
                case 0: [UInt8(ascii: "J"), 0xFF, 0xFF, 0xFF, 0x7F]
                case 1: [UInt8(ascii: "J"), 0xFF, 0xFF, 0xFF, UInt8(draw.integer(2, below: 256))]
                case 2: [0x8A, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, UInt8(draw.integer(2, below: 256))]
                default: [short, UInt8(draw.integer(2, below: 24))]
                }
            pickle.replaceSubrange(place...place + 1, with: number)
        }
        return pickle
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
