import AltaCore
import AltaFormats
import AltaModel
import Foundation

/// What a `pretrained.vision` or `pretrained.text` names, opened: weight files and what is told of the model beside them.
struct PretrainedSource {
    /// Whose weights it gives.
    let side: EncoderSide
    /// The path as it was given.
    let path: String
    /// The files; of a name that several hold the first counts.
    let files: [WeightFile]
    /// The text encoder's shape, where the source describes it.
    var text: TextShape?
    /// The text encoder's dropout, where the source describes it.
    var dropout: TextDropoutRates?
    /// The shape of the whole model, where this system wrote the source.
    var model: ModelConfig?
    /// The vocabulary that belongs to the text encoder.
    var vocabularyPath: String?
    /// The vocabulary's hash, where a run remembers it.
    var vocabularyHash: String?

    /// The key of the configuration that names it.
    var key: String { "pretrained.\(side.rawValue)" }

    /// Opens a weight file, a folder in Hugging Face layout, a run folder or a step folder.
    ///
    /// - Parameters:
    ///   - progress: called as the reading of a run's checkpoint gets on.
    ///   - notice: hears of checkpoints of a run that are passed over.
    /// - Throws: `AltaError` naming the key and the path where it is none of them, or a file in it cannot be read.
    static func open(
        _ path: String, side: EncoderSide, progress: () -> Void, notice: (String) -> Void
    ) throws -> PretrainedSource {
        try open(path, side: side, depth: 0, progress, notice)
    }

    /// How many runs may follow one from the other.
    private static let maximumDepth = 16

    private static func open(
        _ path: String, side: EncoderSide, depth: Int, _ progress: () -> Void, _ notice: (String) -> Void
    ) throws -> PretrainedSource {
        guard depth < maximumDepth else {
            throw AltaError(
                "pretrained.\(side.rawValue) names runs that go in a circle", remedy: "name the file it began with",
                file: path)
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw AltaError(
                "pretrained.\(side.rawValue) names nothing that exists", why: "there is no such file or folder",
                remedy:
                    "correct the path, which is relative to the working folder; --set pretrained.\(side.rawValue)=PATH replaces a "
                    + "checkpoint's",
                file: path)
        }
        guard isFolder.boolValue else { return try ofFile(path, side: side) }
        let isRun = ["\(path)/\(Checkpoint.stateName)", RunFolder(path).checkpointsPath]
            .contains { FileManager.default.fileExists(atPath: $0) }
        return isRun
            ? try ofRun(path, side: side, depth: depth, progress, notice) : try ofFolder(path, side: side)
    }

    /// A file alone; one that this system exported tells the model's shape.
    private static func ofFile(_ path: String, side: EncoderSide) throws -> PretrainedSource {
        let file = try WeightFile.open(path)
        var source = PretrainedSource(side: side, path: path, files: [file])
        if let text = file.metadata[ModelExport.configKey] {
            let stage = try Stage.named(in: file.metadata, file: path)
            let model = try ModelConfig(json: JSONValue(parsing: text, file: path), stage: stage, file: path)
            source.model = model
            source.text = side == .text ? TextShape.of(model) : nil
        }
        return source
    }

    /// The names under which a Hugging Face folder may hold its weights, in the order in which they are looked for.
    static let weightNames = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]

    private static func ofFolder(_ path: String, side: EncoderSide) throws -> PretrainedSource {
        let files = FileManager.default
        guard let name = weightNames.first(where: { files.fileExists(atPath: "\(path)/\($0)") }) else {
            throw AltaError(
                "pretrained.\(side.rawValue) names a folder without weights",
                why: "it has neither checkpoints nor any of \(weightNames.joined(separator: ", "))",
                remedy: "give a weight file, a run folder, or a folder in Hugging Face layout", file: path)
        }
        var source = PretrainedSource(side: side, path: path, files: [try WeightFile.open("\(path)/\(name)")])
        let configPath = "\(path)/config.json"
        if files.fileExists(atPath: configPath) {
            try source.describe(from: configPath)
        } else if side == .text {
            throw AltaError(
                "the text encoder's folder has no config.json", why: "its number of attention heads shows nowhere else",
                remedy: "put the config.json that belongs to the weights beside them", file: path)
        }
        let vocabularyPath = "\(path)/vocab.txt"
        if side == .text, files.fileExists(atPath: vocabularyPath) { source.vocabularyPath = vocabularyPath }
        return source
    }

    /// A vision folder's configuration may be of any kind; it is read where this system wrote it.
    private mutating func describe(from configPath: String) throws {
        let bytes = try SmallFile.contents(configPath, what: "the model's config.json")
        let json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: configPath) }
        guard side == .text || json[HuggingFaceConfig.modelKey] != nil else { return }
        let config = try HuggingFaceConfig.read(json, file: configPath)
        model = config.model
        guard side == .text else { return }
        text = config.text
        dropout = config.dropout
    }

    /// A run: what trained, what was frozen and came from no file, and the files that the run itself began with.
    private static func ofRun(
        _ path: String, side: EncoderSide, depth: Int, _ progress: () -> Void, _ notice: (String) -> Void
    ) throws -> PretrainedSource {
        let checkpoint = try Checkpoint.find(path, .newest, progress: progress, notice: notice)
        let config = checkpoint.config
        let frozen = try checkpoint.runFolder.frozenFile(hash: checkpoint.origin.frozen)
        let own = try [checkpoint.trainable.path, frozen?.path].compactMap { $0 }.map { try WeightFile.open($0) }
        let earlierPath = side == .vision ? config.pretrainedVision : config.pretrainedText
        let earlier = try earlierPath.map { earlierPath in
            let earlier = try open(earlierPath, side: side, depth: depth + 1, progress, notice)
            try earlier.checkUnchanged(since: checkpoint)
            return earlier
        }
        return PretrainedSource(
            side: side, path: path, files: own + (earlier?.files ?? []),
            text: side == .text ? TextShape.of(config.model) : nil,
            dropout: config.dropout.map { TextDropoutRates($0) } ?? earlier?.dropout, model: config.model,
            vocabularyPath: side == .text ? config.vocabularyPath ?? earlier?.vocabularyPath : nil,
            vocabularyHash: side == .text ? checkpoint.origin.vocabulary : nil)
    }

    /// Refuses files that are not those a run began with: its frozen weights would be others.
    private func checkUnchanged(since checkpoint: Checkpoint) throws {
        guard let there = checkpoint.origin.pretrained[side.rawValue] else { return }
        let here = try contentHash()
        guard here != there else { return }
        throw AltaError(
            "the weights that \(checkpoint.path) began with have changed", why: "their hash is \(here), was \(there)",
            remedy: "bring back the file", file: path)
    }

    /// A hash of the names and numbers of all tensors, in order: the same for the same weights in another kind of file.
    ///
    /// - Parameter progress: called after each.
    func contentHash(progress: () -> Void = {}) throws -> String {
        var hash = StableHash()
        for file in files {
            for name in file.names.sorted() {
                let tensor = try file.tensor(name)
                guard tensor.dtype.isFloatingPoint else { continue }
                hash.combine(name)
                try tensor.withFloats { hash.combine(UnsafeRawBufferPointer($0)) }
                progress()
            }
        }
        return hash.hex
    }
}
