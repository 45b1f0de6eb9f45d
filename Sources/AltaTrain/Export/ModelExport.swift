import AltaCore
import AltaFormats
import AltaModel
import Foundation

/// A model on its way out: a checkpoint's, or one made of pretrained files, tensor by tensor under the published names.
public struct ModelExport {
    /// The model's shape.
    public let model: ModelConfig
    /// The configuration of the run, or the one that was given.
    let config: RunConfig
    /// The checkpoint that the weights are from; nil: pretrained and fresh ones.
    let checkpoint: Checkpoint?
    let pretrained: Pretrained
    /// The values of its weights.
    public let weights: LayeredWeights

    /// The member of a file's metadata that holds the model's shape, so that the file can be loaded alone.
    static let configKey = "config"

    /// What became of each pretrained file, one string a line.
    public var notices: [String] { weights.pretrained.reports.flatMap { $0.lines() } }

    /// Opens the best checkpoint of a run folder, else its newest, or the step folder named, with the files that the run began with.
    ///
    /// - Parameter overrides: a configuration whose `pretrained.*` and `data.vocabulary`, where set, replace the run's.
    /// - Throws: `AltaError` where there is no valid checkpoint, or its frozen weights are not those it was trained on.
    public static func open(
        checkpoint path: String, overrides: RunConfig, notice: (String) -> Void
    ) throws -> ModelExport {
        let checkpoint = try Checkpoint.find(path, .best, notice: notice)
        let config = OpenedModel.merge(overrides, checkpoint)
        let pretrained = try Pretrained.open(config, notice: notice)
        let export = try make(config, checkpoint, pretrained, model: config.model)
        let frozen = try export.frozenHash()
        let origin = TrainingOrigin(
            data: checkpoint.origin.data, vocabulary: checkpoint.origin.vocabulary, frozen: frozen)
        try origin.check(against: checkpoint.origin, ofData: false, file: checkpoint.path)
        return export
    }

    /// A configuration, or the shape in the metadata of a fixture or of an exported model.
    ///
    /// - Throws: `AltaError` where the file is neither.
    public static func configuration(_ path: String, overrides: [String]) throws -> RunConfig {
        guard let file = try? SafetensorsFile(path: path) else {
            return try RunConfig.load(path: path, overrides: overrides)
        }
        guard let text = file.metadata["config"] else {
            throw AltaError(
                "the file does not say its model's shape", why: "its metadata has no `config`",
                remedy: "give a configuration, a fixture or an exported model", file: path)
        }
        let stage = try Stage.named(in: file.metadata, file: path)
        var config = try RunConfig.load(path: nil, overrides: overrides, stage: stage)
        config.model = try ModelConfig(json: JSONValue(parsing: text, file: path), stage: stage, file: path)
        return config
    }

    /// Opens the model that a configuration describes: pretrained files, and fresh weights for what they lack.
    ///
    /// - Throws: `AltaError` where a file lacks a tensor that it must have, or has one in a shape that does not fit.
    public static func open(_ requested: RunConfig, notice: (String) -> Void) throws -> ModelExport {
        let pretrained = try Pretrained.open(requested, notice: notice)
        let config = try pretrained.complete(requested, notice: notice)
        var model = config.model
        if let path = config.vocabularyPath {
            model.vocabulary = try pretrained.vocabularySize(
                try WordVocabulary(path: path), hash: try TrainingData.hash(of: path))
        }
        return try make(config, nil, pretrained, model: model)
    }

    private static func make(
        _ config: RunConfig, _ checkpoint: Checkpoint?, _ pretrained: Pretrained, model: ModelConfig
    ) throws -> ModelExport {
        ModelExport(
            model: model, config: config, checkpoint: checkpoint, pretrained: pretrained,
            weights: try LayeredWeights.of(
                checkpoint, pretrained: try pretrained.weights(model, comparesTied: true), seed: config.seed))
    }

    /// The catalogue of the model.
    private var catalog: WeightCatalog { WeightCatalog.make(model, adapterInit: config.adapterInit) }

    private func trains(_ spec: WeightSpec) -> Bool { spec.trains(in: config.trainable) }

    /// The frozen weights that no pretrained file gives, which adapters alone lack; nil: there are none.
    public var drawnFrozenNotice: String? {
        let drawn = catalog.specs.filter { !trains($0) && !weights.comesFromPretrained($0) }
        guard let first = drawn.first else { return nil }
        return
            "note: \(drawn.count) frozen weights came from no pretrained file (\(first.name) ...) and are not among the "
            + "adapters; the whole model has them, as has the run's frozen.safetensors"
    }

    /// The hash of the frozen weights, as `ModelWeights.frozenHash` has it, without holding them all.
    private func frozenHash() throws -> String {
        WeightHash.combined(
            try catalog.specs.filter { !trains($0) }.map { spec in
                try WeightHash.of(spec) { take in
                    for part in spec.parts { try read(part, of: spec) { take(UnsafeRawBufferPointer($0)) } }
                }
            })
    }

    /// Hands the numbers of one tensor over; only they are in memory.
    private func read(
        _ part: WeightPart, of spec: WeightSpec, _ body: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        var values = [Float](repeating: 0, count: part.count)
        try values.withUnsafeMutableBufferPointer { values in
            _ = try weights.load(part, of: spec, into: values)
            try body(UnsafeBufferPointer(values))
        }
    }

    /// Writes one safetensors file, F32, under the published names; its metadata has the stage and the model's shape.
    ///
    /// The tensors are those of the reference's state dict: the language head's `decoder`, which is tied to the word
    /// embeddings, is not among them.
    /// - Parameter adaptersOnly: what trains, without the frozen weights; see `drawnFrozenNotice`.
    /// - Returns: how many numbers were written.
    /// - Throws: `AltaError` where it cannot be written, or the adapters alone would not make the run's model again.
    public func write(to path: String, adaptersOnly: Bool) throws -> Int {
        guard !adaptersOnly || config.trainable == .adapters else {
            throw AltaError(
                "this run trained every weight", why: "its adapters alone do not make its model",
                remedy: "export it without --adapters-only", file: checkpoint?.path)
        }
        let specs = catalog.specs.filter { !adaptersOnly || trains($0) }
        let sources = specs.flatMap { spec in
            spec.parts.map { part in
                TensorSource(name: part.name, dtype: .float32, shape: part.shape) { sink in
                    try read(part, of: spec) { try sink.write(UnsafeRawBufferPointer($0)) }
                }
            }
        }
        try SafetensorsWriter.write(sources, metadata: try metadata(), to: path)
        return specs.reduce(0) { $0 + $1.count }
    }

    private func metadata() throws -> [String: String] {
        ["format": "pt", "stage": model.stage.rawValue, ModelExport.configKey: try model.resolvedJSON().text()]
    }
}
