import AltaCore
import AltaModel

/// A `config.json` in Hugging Face layout that describes a BERT, or a model that this system exported.
struct HuggingFaceConfig {
    /// The text encoder's shape.
    let text: TextShape
    /// The text encoder's own dropout.
    let dropout: TextDropoutRates
    /// The whole model's shape, where this system wrote the folder.
    let model: ModelConfig?

    /// The member under which this system's own folders keep the whole shape.
    static let modelKey = "alta"
    /// The member that tells its stage.
    static let stageKey = "stage"
    /// The kinds of model whose text encoder is the BERT that this system computes.
    static let modelTypes = ["bert", "cxr-bert", "alta"]

    /// Reads the content of the file `path`.
    ///
    /// - Throws: `AltaError` where a field is missing, or describes a text encoder that this system does not compute.
    static func read(_ json: JSONValue, file path: String) throws -> HuggingFaceConfig {
        try checkKind(json, file: path)
        let stage = Stage(rawValue: json[stageKey]?.string ?? "") ?? .align
        let size = { (key: String) in try wholeNumber(json, key, file: path) }
        return HuggingFaceConfig(
            text: TextShape(
                width: try size("hidden_size"), depth: try size("num_hidden_layers"),
                heads: try size("num_attention_heads"), intermediate: try size("intermediate_size"),
                vocabulary: try size("vocab_size"), maxPositions: try size("max_position_embeddings")),
            dropout: TextDropoutRates(
                hidden: try rate(json, "hidden_dropout_prob", file: path),
                attention: try rate(json, "attention_probs_dropout_prob", file: path)),
            model: try json[modelKey].map { try ModelConfig(json: $0, stage: stage, file: path) })
    }

    /// Refuses what would be computed otherwise than the file says.
    private static func checkKind(_ json: JSONValue, file: String) throws {
        let texts = [
            ("model_type", modelTypes), ("hidden_act", ["gelu"]), ("position_embedding_type", ["absolute"]),
        ]
        for (key, allowed) in texts {
            guard let value = json[key], value != .null else { continue }
            guard let text = value.string, allowed.contains(text) else {
                throw unsupported("\(key) is \(excerpt(value))", allowed.joined(separator: ", "), file)
            }
        }
        if let epsilon = json["layer_norm_eps"], epsilon.double != 1e-12 {
            throw unsupported("layer_norm_eps is \(excerpt(epsilon))", "1e-12", file)
        }
        if json["is_decoder"]?.bool == true { throw unsupported("is_decoder is true", "false", file) }
        if let types = json["type_vocab_size"], types.int != 2 {
            throw unsupported("type_vocab_size is \(excerpt(types))", "2", file)
        }
    }

    private static func unsupported(_ what: String, _ allowed: String, _ file: String) -> AltaError {
        AltaError(
            "this text encoder cannot be used: \(what)", why: "this version computes \(allowed)",
            remedy: "give a BERT, such as CXR-BERT", file: file)
    }

    private static func wholeNumber(_ json: JSONValue, _ key: String, file: String) throws -> Int {
        guard let number = json[key]?.int, (1...1 << 24).contains(number) else {
            throw AltaError(
                "\(key) is \(json[key].map(excerpt) ?? "missing")", why: "it must be a whole number above 0",
                remedy: "give the config.json that belongs to the weights", file: file)
        }
        return number
    }

    /// A dropout rate; Hugging Face's default where it is missing.
    private static func rate(_ json: JSONValue, _ key: String, file: String) throws -> Double {
        guard let value = json[key], value != .null else { return 0.1 }
        guard let rate = value.double, rate >= 0, rate < 1 else {
            throw AltaError(
                "\(key) is \(excerpt(value))", why: "it must be a number of at least 0 and below 1",
                remedy: "give the config.json that belongs to the weights", file: file)
        }
        return rate
    }

    private static func excerpt(_ value: JSONValue) -> String {
        String(((try? value.text()) ?? "not finite").prefix(80))
    }
}
