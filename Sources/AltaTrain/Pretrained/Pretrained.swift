import AltaCore
import AltaFormats
import AltaModel

/// The pretrained sources of a configuration, and what follows from them for the run.
struct Pretrained {
    let vision: PretrainedSource?
    let text: PretrainedSource?

    /// Opens what `pretrained.vision` and `pretrained.text` name.
    ///
    /// - Parameters:
    ///   - progress: called as the reading of a run's checkpoint gets on.
    ///   - notice: hears of checkpoints of a run that are passed over.
    /// - Throws: `AltaError` naming the key and the path at fault.
    static func open(
        _ config: RunConfig, progress: () -> Void = {}, notice: (String) -> Void
    ) throws -> Pretrained {
        func source(_ path: String, _ side: EncoderSide) throws -> PretrainedSource {
            try PretrainedSource.open(path, side: side, progress: progress, notice: notice)
        }
        return Pretrained(
            vision: try config.pretrainedVision.map { try source($0, .vision) },
            text: try config.pretrainedText.map { try source($0, .text) })
    }

    /// Both sources, the vision encoder's first.
    var sources: [PretrainedSource] { [vision, text].compactMap { $0 } }

    /// BERT's dropout in a run: the configuration's, else the text encoder's own, else the model's.
    func dropout(_ config: RunConfig) -> TextDropoutRates {
        if config.dropout == nil, let own = text?.dropout { return own }
        return TextDropoutRates(config.dropoutRate)
    }

    /// The configuration with what follows from the sources: the text encoder's shape, and its vocabulary where none is
    /// set.
    ///
    /// A named model gives way to the text encoder's description, with a notice; a model that was written out must agree.
    /// - Throws: `AltaError` where the configuration contradicts a source.
    func complete(_ requested: RunConfig, notice: (String) -> Void) throws -> RunConfig {
        var config = requested
        config.vocabularyPath = config.vocabularyPath ?? text?.vocabularyPath
        if let text, let shape = text.text { try adopt(shape, of: text, into: &config, notice: notice) }
        for source in sources { try checkHidden(source, config.model) }
        return config
    }

    private func adopt(
        _ shape: TextShape, of source: PretrainedSource, into config: inout RunConfig, notice: (String) -> Void
    ) throws {
        let differing = shape.differences(from: TextShape.of(config.model))
        guard !differing.isEmpty else { return }
        let hasRoom = config.stage == .pretrain || shape.width == config.model.width
        guard hasRoom, let name = config.modelName else {
            throw AltaError(
                "pretrained.text has another shape than `model`", why: differing.joined(separator: "; "),
                remedy: hasRoom
                    ? "write the text encoder's numbers into `model`, or name a model instead"
                    : "choose a `model` as wide as the text encoder, which is \(shape.width)",
                file: source.path)
        }
        shape.apply(to: &config.model)
        try config.validate()
        notice(
            "note: the text encoder's shape is that of \(source.path), not of \(name): "
                + differing.joined(separator: "; "))
    }

    /// Numbers of heads and the adapters' scale show in no tensor: another one would load and compute something else.
    private func checkHidden(_ source: PretrainedSource, _ model: ModelConfig) throws {
        guard let there = source.model else { return }
        var fields: [(name: String, there: String, here: String)] = []
        if source.side == .vision {
            fields.append(("vision_heads", "\(there.visionHeads)", "\(model.visionHeads)"))
            fields.append(("decoder_heads", "\(there.decoderHeads)", "\(model.decoderHeads)"))
        }
        if there.stage == .align { fields.append(("adapter_scale", "\(there.adapterScale)", "\(model.adapterScale)")) }
        for field in fields where field.there != field.here {
            throw AltaError(
                "\(source.key) has another \(field.name) than `model`",
                why: "\(field.there) there, \(field.here) in the configuration",
                remedy: "set model.\(field.name) to \(field.there)", file: source.path)
        }
    }

    /// How many entries the model's vocabulary has: the lines of its file. The file of the text encoder's own folder may
    /// be shorter than its embeddings, which some models pad.
    ///
    /// - Throws: `AltaError` where a run remembers another vocabulary than this one.
    func vocabularySize(_ vocabulary: WordVocabulary, hash: String) throws -> Int {
        guard let text else { return vocabulary.count }
        if let there = text.vocabularyHash, there != hash {
            throw AltaError(
                "the vocabulary is not that of pretrained.text", why: "its hash is \(hash), there it is \(there)",
                remedy: "set data.vocabulary to the vocab.txt of that run, or leave it out", file: vocabulary.path)
        }
        guard let path = text.vocabularyPath else { return vocabulary.count }
        let own = vocabulary.path == path ? hash : try TrainingData.hash(of: path)
        guard own == hash else {
            throw AltaError(
                "the vocabulary is not that of pretrained.text",
                why: "\(path) has other content, so ids mean other words",
                remedy: "leave data.vocabulary out", file: vocabulary.path)
        }
        guard let rows = text.text?.vocabulary else { return vocabulary.count }
        return max(rows, vocabulary.count)
    }

    /// The sources' tensors for a model of this shape.
    ///
    /// - Parameter comparesTied: whether the report tells of tied tensors that differ; one rank is enough.
    /// - Throws: `AltaError` where a source lacks a tensor that it must have, or has one in a shape that does not fit.
    func weights(_ model: ModelConfig, comparesTied: Bool) throws -> PretrainedWeights {
        try PretrainedWeights.make(
            sources, catalog: WeightCatalog.make(model), stageNeedsDecoder: model.stage == .align,
            comparesTied: comparesTied)
    }

    /// A hash of each source's files, under the side's name.
    ///
    /// - Parameter progress: called as the reading gets on.
    func contentHashes(progress: () -> Void = {}) throws -> [String: String] {
        var known: [[String]: String] = [:]
        return try sources.reduce(into: [:]) { hashes, source in
            // Both sides may be of one file.
            let paths = source.files.map(\.path)
            let hash = try known[paths] ?? source.contentHash(progress: progress)
            known[paths] = hash
            hashes[source.side.rawValue] = hash
        }
    }
}
