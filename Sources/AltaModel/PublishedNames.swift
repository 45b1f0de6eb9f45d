/// One of the two encoders, with everything that comes to the model in the same file.
public enum EncoderSide: String, Sendable, CaseIterable {
    /// The ViT, the decoder, the image heads and what else lies outside the text encoder.
    case vision
    /// Everything under `bert_encoder.`.
    case text

    /// The side of a tensor of the catalogue.
    public init(ofWeight name: String) { self = name.hasPrefix(PublishedNames.textPrefix) ? .text : .vision }
}

/// What a tensor of a published file is to a model.
public enum PublishedMeaning: Equatable, Sendable {
    /// The catalogue's tensor of this name.
    case weight(String)
    /// Expected in such files and of no use to this model; the text says what it is.
    case unused(String)
    /// A tensor that is tied to another one of the same file.
    case tied(String)
    /// Part of the other encoder.
    case otherSide
    /// A tensor of a layer that the model does not have, for it is not as deep.
    case deeperLayer
    /// Nothing that is known.
    case unknown
}

/// Translates the names of published checkpoints into those of the catalogue. A pure function of names.
///
/// Vision: timm/MAE names, with or without `module.` and `model.` before them. Text: Hugging Face BERT under
/// `bert_encoder.`, `bert_encoder.model.` or nothing, with or without `bert.`; LayerNorm's old `gamma` and `beta`.
public struct PublishedNames: Sendable {
    static let textPrefix = "bert_encoder."
    private static let pretrainingTextPrefix = "bert_encoder.model."

    /// Which encoder is looked for.
    public let side: EncoderSide
    /// The catalogue's names of this side.
    private let known: Set<String>
    /// The same with every number as `*`.
    private let patterns: Set<String>
    /// What the catalogue puts before a BERT name.
    public let textRoot: String
    /// Whether the file has both encoders, so that only names under `bert_encoder.` are the text encoder's.
    private let hasTextPrefix: Bool

    /// The translation for a file with these names into the catalogue `weights`.
    public static func make(side: EncoderSide, catalog: WeightCatalog, fileNames: [String]) -> PublishedNames {
        let names = catalog.specs.flatMap { $0.parts.map(\.name) }
        let known = names.filter { EncoderSide(ofWeight: $0) == side }
        return PublishedNames(
            side: side, known: Set(known), patterns: Set(known.map(pattern)),
            textRoot: names.contains { $0.hasPrefix(pretrainingTextPrefix) } ? pretrainingTextPrefix : textPrefix,
            hasTextPrefix: fileNames.contains { withoutWrapper($0, ["module."]).hasPrefix(textPrefix) })
    }

    /// What a tensor of the file is.
    public func meaning(of name: String) -> PublishedMeaning {
        side == .vision ? visionMeaning(of: name) : textMeaning(of: name)
    }

    private func visionMeaning(of fileName: String) -> PublishedMeaning {
        let name = PublishedNames.withoutWrapper(fileName, ["module.", "model."])
        if known.contains(name) { return .weight(name) }
        if patterns.contains(PublishedNames.pattern(name)) { return .deeperLayer }
        if name.hasPrefix(PublishedNames.textPrefix) { return .otherSide }
        return PublishedNames.isOfOneStage(name) ? .unused("not used in this stage") : .unknown
    }

    private func textMeaning(of fileName: String) -> PublishedMeaning {
        var name = PublishedNames.withoutWrapper(fileName, ["module."])
        guard !hasTextPrefix || name.hasPrefix(PublishedNames.textPrefix) else { return .otherSide }
        name = PublishedNames.withoutWrapper(name, [PublishedNames.textPrefix, "model."])
        if ["embeddings.", "encoder.", "pooler."].contains(where: name.hasPrefix) { name = "bert." + name }
        name = PublishedNames.modernNorm(name)
        if known.contains(textRoot + name) { return .weight(textRoot + name) }
        if patterns.contains(PublishedNames.pattern(textRoot + name)) { return .deeperLayer }
        if name.hasPrefix("cls.predictions.decoder.") { return .tied(name) }
        if let use = PublishedNames.unusedText.first(where: { name.hasPrefix($0.prefix) }) { return .unused(use.what) }
        return PublishedNames.isOfOneStage(name) ? .unused("not used in this stage") : .unknown
    }

    /// The name without these prefixes, which may stand one before the other.
    private static func withoutWrapper(_ name: String, _ prefixes: [String]) -> String {
        var rest = name[...]
        while let prefix = prefixes.first(where: { rest.hasPrefix($0) }) { rest = rest.dropFirst(prefix.count) }
        return String(rest)
    }

    /// The name with every number as `*`.
    private static func pattern(_ name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) == nil ? $0 : "*" }
            .joined(separator: ".")
    }

    /// Files of the first TensorFlow conversions call a norm's weight `gamma` and its bias `beta`.
    private static func modernNorm(_ name: String) -> String {
        for (old, new) in [("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")]
        where name.hasSuffix(old) {
            return name.dropLast(old.count) + new
        }
        return name
    }

    private static let unusedText = [
        (prefix: "bert.pooler.", what: "BERT's pooler"),
        (prefix: "bert.embeddings.position_ids", what: "a list of positions"),
        (prefix: "bert.embeddings.token_type_ids", what: "a list of token types"),
        (prefix: "cls.seq_relationship.", what: "BERT's next-sentence head"),
    ]

    /// Whether one of the two stages has such a tensor and the other, like the published encoders, has not.
    static func isOfOneStage(_ name: String) -> Bool {
        let parts = [
            "bert_mlp.", "bert_embed.", "projection_head.", "local_projection_head.", "cls_projection_head.",
            "logit_scale", "temporal_embedding", "view_embedding", "missing_token",
        ]
        return parts.contains(where: name.hasPrefix) || name.contains("_adapter.")
    }
}

extension WeightSpec {
    /// Whether a pretrained file of this weight's side may lack it: what ALTA adds to the published encoders.
    ///
    /// Adapters, heads, the language head, the projections of the study vector, temporal, view and missing tokens and
    /// the logit scales. Everything else must be there.
    public var mayBeAbsent: Bool {
        let name = parts[0].name
        let ofText = ["bert_encoder.cls", "bert_encoder.model.cls", "bert_encoder.local_projection_head."]
        return PublishedNames.isOfOneStage(name) || ofText.contains(where: name.hasPrefix)
    }

    /// Whether it belongs to the decoder, which the pretraining stage adds to a vision encoder.
    public var isDecoder: Bool { parts[0].name.hasPrefix("decoder_") || parts[0].name == "mask_token" }
}
