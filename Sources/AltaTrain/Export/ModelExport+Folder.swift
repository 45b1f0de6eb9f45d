import AltaCore
import AltaData
import AltaFormats
import AltaModel
import Foundation

extension ModelExport {
    /// Writes a folder in Hugging Face layout: `model.safetensors`, `config.json`, `tokenizer_config.json`,
    /// `preprocessor_config.json`, `vocab.txt` and a model card, `README.md`. The folder appears when it is complete.
    ///
    /// `config.json` describes the text encoder in Hugging Face's words and the whole model under `alta`. `pretrained.vision`
    /// and `pretrained.text` take the folder.
    /// - Parameters:
    ///   - path: a folder that does not exist or is empty.
    ///   - licence: what the model card says of the licence.
    /// - Returns: how many numbers were written.
    /// - Throws: `AltaError` where there is something at `path`, it cannot be written, or there is no vocabulary.
    public func writeFolder(to path: String, adaptersOnly: Bool, licence: String?) throws -> Int {
        try ModelExport.checkFree(folder: path)
        let files = FileManager.default
        let final = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
        let path = final.count > 1 && final.hasSuffix("/") ? String(final.dropLast()) : final
        let vocabulary = try vocabularyBytes()
        let partial = "\(path).partial-\(UUID().uuidString.prefix(8))"
        do {
            try files.createDirectory(atPath: partial, withIntermediateDirectories: true)
            let count = try write(to: "\(partial)/model.safetensors", adaptersOnly: adaptersOnly)
            try AtomicFile.write("\(partial)/vocab.txt", bytes: vocabulary)
            try AtomicFile.write("\(partial)/config.json", text: try configJSON().text(.pretty) + "\n")
            try AtomicFile.write("\(partial)/tokenizer_config.json", text: try tokenizerJSON().text(.pretty) + "\n")
            try AtomicFile.write("\(partial)/preprocessor_config.json", text: try pixelsJSON().text(.pretty) + "\n")
            try AtomicFile.write(
                "\(partial)/README.md", text: try card(adaptersOnly: adaptersOnly, licence: licence).text())
            // The system's rename takes the place of an empty folder, and of nothing else.
            guard rename(partial, path) == 0 else {
                throw AltaError.system("cannot put the folder in place", file: path)
            }
            try AtomicFile.flushFolder(of: path)
            return count
        } catch {
            try? files.removeItem(atPath: partial)
            guard let error = error as? AltaError else {
                throw AltaError(
                    "cannot write the model's folder", why: (error as NSError).localizedDescription,
                    remedy: "free some space or fix the permissions of the folder above", file: path)
            }
            throw error
        }
    }

    /// Refuses a path at which anything but an empty folder stands.
    ///
    /// - Throws: `AltaError` saying what is there.
    public static func checkFree(folder path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
        guard isFolder.boolValue else {
            throw AltaError(
                "a file is where the folder should be", why: "it would be lost", remedy: "name another folder",
                file: path)
        }
        guard try FileManager.default.contentsOfDirectory(atPath: path).isEmpty else {
            throw AltaError(
                "the folder is not empty", why: "what is in it would be lost or mixed with the model",
                remedy: "name another folder, or empty it", file: path)
        }
    }

    /// The vocabulary that the model was trained with.
    private func vocabularyBytes() throws -> [UInt8] {
        guard let path = config.vocabularyPath else {
            throw AltaError(
                "a model's folder needs its vocabulary", why: "data.vocabulary is not set",
                remedy: "give --set data.vocabulary=vocab.txt")
        }
        let here = try TrainingData.hash(of: path)
        if let there = checkpoint?.origin.vocabulary, there != here {
            throw AltaError(
                "the vocabulary is not what the checkpoint was trained on", why: "its hash is \(here), was \(there)",
                remedy: "give the vocab.txt of the run with --set data.vocabulary=vocab.txt", file: path)
        }
        return try SmallFile.contents(path, what: "the vocabulary", limit: WordVocabulary.maximumByteCount)
    }

    /// Hugging Face's description of the text encoder, and the whole shape.
    private func configJSON() -> JSONValue {
        let dropout = pretrained.dropout(config)
        return .object(members: [
            ("model_type", "alta"), ("architectures", ["ALTA"]), ("vocab_size", .integer(model.vocabulary)),
            ("hidden_size", .integer(model.textWidth)), ("num_hidden_layers", .integer(model.textDepth)),
            ("num_attention_heads", .integer(model.textHeads)), ("intermediate_size", .integer(model.textIntermediate)),
            ("max_position_embeddings", .integer(model.maxPositions)), ("type_vocab_size", 2), ("hidden_act", "gelu"),
            ("layer_norm_eps", .number(1e-12)), ("position_embedding_type", "absolute"),
            ("hidden_dropout_prob", .number(dropout.hidden)),
            ("attention_probs_dropout_prob", .number(dropout.attention)), ("torch_dtype", "float32"),
            (HuggingFaceConfig.stageKey, .string(model.stage.rawValue)),
            (HuggingFaceConfig.modelKey, model.resolvedJSON()),
        ])
    }

    /// What Hugging Face's `AutoTokenizer` wants to know.
    private func tokenizerJSON() -> JSONValue {
        .object(members: [
            ("tokenizer_class", "BertTokenizer"), ("do_lower_case", true), ("strip_accents", .null),
            ("tokenize_chinese_chars", true), ("model_max_length", .integer(model.maxTokens)),
        ])
    }

    /// How radiographs become the encoder's input, in the words of Hugging Face's image processors.
    private func pixelsJSON() -> JSONValue {
        let normalization = StudyRecipe(model).normalization
        let three = { (value: Float) in
            JSONValue.array([JSONValue](repeating: .number(Double("\(value)") ?? 0), count: 3))
        }
        let crop = JSONValue.object(members: [
            ("height", .integer(model.imageSize)), ("width", .integer(model.imageSize)),
        ])
        return .object(members: [
            ("image_processor_type", "ViTImageProcessor"), ("do_convert_rgb", true), ("do_resize", true),
            (
                "size",
                .object(members: [("shortest_edge", .integer(ImagePipeline.resizedSide(forCrop: model.imageSize)))])
            ),
            ("resample", 3), ("do_center_crop", true), ("crop_size", crop), ("do_rescale", true),
            ("rescale_factor", .number(1.0 / 255)), ("do_normalize", true), ("image_mean", three(normalization.mean)),
            ("image_std", three(normalization.deviation)),
        ])
    }

    private func card(adaptersOnly: Bool, licence: String?) throws -> ModelCard {
        ModelCard(
            model: model, config: config, adaptersOnly: adaptersOnly, licence: licence, origin: checkpoint?.origin,
            step: checkpoint?.step,
            sources: try pretrained.sources.map {
                ($0.key, URL(filePath: $0.path).lastPathComponent, try $0.contentHash())
            },
            programHash: try TrainingData.hash(of: "/proc/self/exe"),
            day: Date.now.formatted(.iso8601.year().month().day()))
    }
}
