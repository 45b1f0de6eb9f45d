import AltaCore
import AltaFormats
import AltaModel
import AltaTestSupport
import AltaTrain

/// A made-up file of published weights, to be spoilt and written.
struct PublishedFile {
    struct Tensor {
        var shape: [Int]
        var values: [Float]
    }

    var tensors: [String: Tensor] = [:]

    /// Every tensor of one side of a model, drawn by name; what ALTA adds is left out.
    static func pretrained(_ side: EncoderSide, _ config: ModelConfig) throws -> PublishedFile {
        var file = PublishedFile()
        for spec in WeightCatalog.make(config).specs where !spec.mayBeAbsent {
            for part in spec.parts where EncoderSide(ofWeight: part.name) == side { try file.draw(part, of: spec) }
        }
        return file
    }

    /// A tensor as the initialisation of seed 77 has it, whatever seed a test's run has.
    mutating func draw(_ part: WeightPart, of spec: WeightSpec) throws {
        var values = [Float](repeating: 0, count: part.count)
        try values.withUnsafeMutableBufferPointer {
            _ = try RandomWeights(seed: 77).load(part, of: spec, into: $0)
        }
        tensors[part.name] = Tensor(shape: part.shape, values: values)
    }

    /// Reads every floating-point tensor of a file.
    static func read(_ path: String) throws -> PublishedFile {
        let file = try WeightFile.open(path)
        var result = PublishedFile()
        for name in file.names {
            let tensor = try file.tensor(name)
            result.tensors[name] = Tensor(shape: tensor.shape, values: try tensor.floats())
        }
        return result
    }

    /// The same tensors under other names; nil: left out.
    func renamed(_ name: (String) -> String?) -> PublishedFile {
        PublishedFile(
            tensors: tensors.reduce(into: [:]) { all, entry in if let new = name(entry.key) { all[new] = entry.value } }
        )
    }

    func write(_ path: String, where isWanted: (String) -> Bool = { _ in true }) throws {
        let sources = tensors.filter { isWanted($0.key) }.sorted { $0.key < $1.key }
            .map { TensorSource.floats($0.key, shape: $0.value.shape, $0.value.values) }
        try SafetensorsWriter.write(sources, to: path)
    }
}

/// Hears of what a model's opening tells.
final class Heard {
    private(set) var lines: [String] = []

    func hear(_ line: String) { lines.append(line) }
}
