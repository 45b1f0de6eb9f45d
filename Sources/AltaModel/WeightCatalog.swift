import AltaCore

/// Every weight of a stage's model, in a fixed order.
public struct WeightCatalog: Sendable {
    /// The weights.
    public let specs: [WeightSpec]
    /// What the names of the text encoder's weights begin with, before `.bert` and `.cls`.
    public let textRoot: String

    /// The weights of a model of this shape.
    public static func make(_ config: ModelConfig, adapterInit: AdapterInit = .zero) -> WeightCatalog {
        var builder = CatalogBuilder(config: config, adapterInit: adapterInit)
        builder.addVision()
        builder.addDecoder()
        if config.stage == .align { builder.addScales() }
        builder.addText()
        return WeightCatalog(specs: builder.specs, textRoot: builder.textRoot)
    }

    /// How many numbers all weights have: 242,177,854 at full size, 151,457,328 in pretraining.
    public var count: Int { specs.reduce(0) { $0 + $1.count } }

    /// The names of the four logit scales: global, and the three of the local loss.
    public static let logitScaleNames = [
        "logit_scale", "logit_scale_local1", "logit_scale_local2", "logit_scale_local3",
    ]
}

/// Collects weights; the order of calls is the order of the catalogue.
///
/// The stages share encoders, decoder and language head; adapters, place embeddings and heads are ALTA's alone.
private struct CatalogBuilder {
    let config: ModelConfig
    let adapterInit: AdapterInit
    var specs: [WeightSpec] = []

    var aligns: Bool { config.stage == .align }
    var textRoot: String { aligns ? "bert_encoder" : "bert_encoder.model" }
    /// How BERT's linear layers begin.
    var textInitial: InitialValue { aligns ? .normal : .xavier }

    mutating func addVision() {
        let (width, patches) = (config.width, config.patches)
        let patch = [width, 3, config.patchSize, config.patchSize]
        add("patch_embed.proj.weight", patch, rows: width, packed: true, .xavier)
        addVector("patch_embed.proj.bias", width, .zero)
        add("cls_token", [1, 1, width], rows: 1, .normal)
        if aligns { add("missing_token", [1, patches, width], rows: patches, .zero) }
        add("pos_embed", [1, patches + 1, width], rows: patches + 1, .sineCosine)
        if aligns {
            add("temporal_embedding", [1, 2, width], rows: 2, .zero)
            add("view_embedding", [1, 2, width], rows: 2, .zero)
        }
        for index in 0..<config.visionDepth { addVisionBlock("blocks.\(index)", width: width, adapted: aligns) }
        addNorm("norm", width)
        addLinear(aligns ? "bert_embed" : "bert_mlp", width, config.textWidth, .xavier)
        guard aligns else { return }
        addHead("projection_head")
        addHead("local_projection_head")
    }

    mutating func addDecoder() {
        let (width, patches) = (config.decoderWidth, config.patches)
        addLinear("decoder_embed", config.width, width, .xavier)
        add("mask_token", [1, 1, width], rows: 1, .normal)
        add("decoder_pos_embed", [1, patches + 1, width], rows: patches + 1, .sineCosine)
        for index in 0..<config.decoderDepth {
            addVisionBlock("decoder_blocks.\(index)", width: width, adapted: false)
        }
        addNorm("decoder_norm", width)
        addLinear("decoder_pred", width, config.targetElements, .xavier)
    }

    mutating func addScales() {
        for name in WeightCatalog.logitScaleNames { add(name, [], rows: 1, .logitScale) }
    }

    mutating func addText() {
        let (width, embeddings) = (config.textWidth, "\(textRoot).bert.embeddings")
        let words = [config.vocabulary, width]
        // The output matrix is tied to this table in ALTA, and one of its own in MRM.
        add(
            "\(embeddings).word_embeddings.weight", words, rows: config.vocabulary, packed: aligns,
            table: true, aligns ? .normal : .wordTable)
        let positions = [config.maxPositions, width]
        add("\(embeddings).position_embeddings.weight", positions, rows: config.maxPositions, .normal)
        add("\(embeddings).token_type_embeddings.weight", [2, width], rows: 2, .normal)
        addNorm("\(embeddings).LayerNorm", width)
        for index in 0..<config.textDepth { addTextLayer("\(textRoot).bert.encoder.layer.\(index)") }
        let predictions = "\(textRoot).cls.predictions"
        addVector("\(predictions).bias", config.vocabulary, .zero)
        addLinear("\(predictions).transform.dense", width, width, textInitial)
        addNorm("\(predictions).transform.LayerNorm", width)
        if aligns {
            addHead("\(textRoot).cls_projection_head")
            addHead("\(textRoot).local_projection_head")
        } else {
            add("\(predictions).decoder.weight", words, rows: config.vocabulary, packed: true, .xavier)
        }
    }

    private mutating func addVisionBlock(_ name: String, width: Int, adapted: Bool) {
        addNorm("\(name).norm1", width)
        addLinear("\(name).attn.qkv", width, 3 * width, .xavier)
        addLinear("\(name).attn.proj", width, width, .xavier)
        addNorm("\(name).norm2", width)
        addLinear("\(name).mlp.fc1", width, 4 * width, .xavier)
        addLinear("\(name).mlp.fc2", 4 * width, width, .xavier)
        if adapted {
            addAdapter("\(name).attn_adapter", down: .xavier, up: .zero)
            addAdapter("\(name).mlp_adapter", down: .xavier, up: .zero)
        }
    }

    private mutating func addTextLayer(_ name: String) {
        let (width, initial) = (config.textWidth, textInitial)
        let attention = ["query", "key", "value"].map { "\(name).attention.self.\($0)" }
        addStack("\(name).attention.self.qkv.weight", attention.map { "\($0).weight" }, [width, width], initial)
        addStack("\(name).attention.self.qkv.bias", attention.map { "\($0).bias" }, [width], .zero)
        addLinear("\(name).attention.output.dense", width, width, initial)
        addNorm("\(name).attention.output.LayerNorm", width)
        addLinear("\(name).intermediate.dense", width, config.textIntermediate, initial)
        addLinear("\(name).output.dense", config.textIntermediate, width, initial)
        addNorm("\(name).output.LayerNorm", width)
        guard aligns else { return }
        let up: InitialValue = adapterInit == .published ? .normal : .zero
        addAdapter("\(name).attn_adapter", down: .normal, up: up)
        addAdapter("\(name).mlp_adapter", down: .normal, up: up)
    }

    private mutating func addAdapter(_ name: String, down: InitialValue, up: InitialValue) {
        addLinear("\(name).D_fc1", config.width, config.adapterWidth, down)
        addLinear("\(name).D_fc2", config.adapterWidth, config.width, up)
    }

    private mutating func addHead(_ name: String) {
        addLinear("\(name).dense_to_hidden", config.width, config.projection, .xavier)
        addLinear("\(name).dense_to_output", config.projection, config.projection, .xavier)
        addNorm("\(name).LayerNorm", config.projection)
    }

    private mutating func addLinear(_ name: String, _ inputs: Int, _ outputs: Int, _ initial: InitialValue) {
        add("\(name).weight", [outputs, inputs], rows: outputs, packed: true, initial)
        addVector("\(name).bias", outputs, .zero)
    }

    private mutating func addNorm(_ name: String, _ width: Int) {
        addVector("\(name).weight", width, .one)
        addVector("\(name).bias", width, .zero)
    }

    private mutating func addVector(_ name: String, _ count: Int, _ initial: InitialValue) {
        add(name, [count], rows: 1, initial)
    }

    private mutating func add(
        _ name: String, _ shape: [Int], rows: Int, packed: Bool = false, table: Bool = false, _ initial: InitialValue
    ) {
        let part = WeightPart(name: name, shape: shape)
        specs.append(
            WeightSpec(
                name: name, parts: [part], rows: rows, columns: part.count / rows, isPacked: packed,
                isTable: table, initial: initial, training: rule(name)))
    }

    /// Tensors of one shape that are multiplied as one: rows of a matrix, or one long vector.
    private mutating func addStack(_ name: String, _ names: [String], _ shape: [Int], _ initial: InitialValue) {
        let parts = names.map { WeightPart(name: $0, shape: shape) }
        let isMatrix = shape.count > 1
        let total = parts.reduce(0) { $0 + $1.count }
        let rows = isMatrix ? names.count * shape[0] : 1
        specs.append(
            WeightSpec(
                name: name, parts: parts, rows: rows, columns: total / rows, isPacked: isMatrix, initial: initial,
                training: rule(names[0])))
    }

    /// In MRM all but the fixed positions trains; in ALTA by default what has one of the published words in its name.
    ///
    /// Source: `trainable` of the reference; the parameters of the pretraining reference.
    private func rule(_ name: String) -> TrainingRule {
        guard aligns else { return name.hasSuffix("pos_embed") ? .never : .always }
        return CatalogBuilder.trainableWords.contains { name.contains($0) } ? .always : .onRequest
    }

    /// The published rule's words.
    private static let trainableWords = [
        "head", "norm", "Norm", "adapter", "Adapter", "logit_scale", "cls_token", "temporal_embedding",
        "view_embedding", "decoder_embed", "bert_encoder.cls.predictions", "mask_token", "decoder_pred",
    ]
}
