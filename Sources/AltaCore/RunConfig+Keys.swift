/// One row of the table of configuration keys, for `--help` and the documentation.
public struct ConfigurationKeyDescription: Sendable, Equatable {
    /// The full name, with dots for nested objects.
    public let name: String
    /// The default as JSON.
    public let defaultText: String
    /// What it means.
    public let documentation: String
    /// What is allowed.
    public let expected: String
    /// Whether another value makes another run.
    public let definesRun: Bool
}

extension RunConfig {
    /// The keys in the order in which they are written. The model's fields follow `model` itself, which
    /// `RunConfig+Parsing.swift` treats apart because it may be a name.
    static let keys: [ConfigurationKey<RunConfig>] =
        [stageKey] + ModelConfig.keys.map { $0.within("model", \.model) } + dataKeys + durationKeys + methodKeys
        + safetyKeys + folderKeys

    private static let stageKey = ConfigurationKey<RunConfig>(
        "stage", \.model.stage, .choice, "which model the run trains: align or pretrain; the command's by default")

    /// Where data lies does not define a run; what it holds does, and a checkpoint remembers its hash.
    private static let dataKeys: [ConfigurationKey<RunConfig>] = [
        .init(
            "pretrained.vision", \.pretrainedVision, ConfigurationValue<String>.path.orNull(),
            "vision weights: a checkpoint, a Hugging Face folder or a run folder"),
        .init(
            "pretrained.text", \.pretrainedText, ConfigurationValue<String>.path.orNull(),
            "text weights: a checkpoint, a Hugging Face folder or a run folder"),
        .init(
            "data.train", \.trainPath, ConfigurationValue<String>.path.orNull(), definesRun: false,
            "training studies: a CSV or a packed file"),
        .init(
            "data.validation", \.validationPath, ConfigurationValue<String>.path.orNull(), definesRun: false,
            "held-out studies: a CSV or a packed file"),
        .init(
            "data.image_root", \.imageRoot, ConfigurationValue<String>.path.orNull(), definesRun: false,
            "folder of relative image paths; null: the CSV's folder"),
        .init(
            "data.vocabulary", \.vocabularyPath, ConfigurationValue<String>.path.orNull(), definesRun: false,
            "BERT vocab.txt; null: taken from the text folder where that has one"),
        .init(
            "data.dicom_scaling", \.dicomScaling, .choice,
            "how DICOM pixels become 8 bits: published (x 255 / max), or mimic (as MIMIC-CXR-JPG was made)"),
    ]

    private static let durationKeys: [ConfigurationKey<RunConfig>] = [
        .init("global_batch", \.globalBatch, .whole(atLeast: 1), "studies in one step, over all ranks"),
        .init(
            "micro_batch", \.microBatch, .whole(atLeast: 0), definesRun: false,
            "studies that one rank has in flight; 0: chosen from memory"),
        .init("epochs", \.epochs, .whole(atLeast: 1), definesRun: false, "epochs to train"),
        .init(
            "schedule_epochs", \.scheduleEpochs, .real(above: 0), "epochs after which the cosine reaches zero"),
        .init("warmup_epochs", \.warmupEpochs, .real(atLeast: 0), "epochs of linear warm-up"),
        .init(
            "steps", \.steps, ConfigurationValue<Int>.whole(atLeast: 0).orNull(), definesRun: false,
            "a limit on the number of steps; null: none"),
    ]

    private static let methodKeys: [ConfigurationKey<RunConfig>] = [
        .init(
            "learning_rate", \.learningRate, ConfigurationValue<Double>.real(atLeast: 0).orNull(),
            "peak learning rate; null: 1.5e-4 * global_batch / 256"),
        .init("weight_decay", \.weightDecay, .real(atLeast: 0), "AdamW's decay"),
        .init("seed", \.seed, .seed, "what every random draw hangs on"),
        .init("precision", \.precision, .choice, "the arithmetic: fp32, bf16 or auto"),
        .init(
            "deterministic", \.deterministic, ConfigurationValue<Bool>.truth.orNull(),
            "sums that do not depend on their order; null: true where only adapters train"),
        .init("trainable", \.trainable, .choice, "which weights train: adapters or all"),
        .init("adapter_init", \.adapterInit, .choice, "how BERT's adapters begin: zero or published"),
        .init("absent_views", \.absentViews, .choice, "masks of absent radiographs: each its own, or shared in a step"),
        .init(
            "dropout", \.dropout, ConfigurationValue<Double>.real(atLeast: 0, below: 1).orNull(),
            "BERT's dropout; null: the text encoder's own, model.dropout without one"),
    ]

    /// They change no step that goes well.
    private static let safetyKeys: [ConfigurationKey<RunConfig>] = [
        .init(
            "on_not_finite", \.onNotFinite, .choice, definesRun: false,
            "a step with a loss or gradient that is not finite: stop the run, or skip its update"),
        .init(
            "compare_weights_every", \.compareWeightsEvery, .whole(atLeast: 1), definesRun: false,
            "steps between comparisons of the ranks' weights; before a checkpoint always"),
    ]

    private static let folderKeys: [ConfigurationKey<RunConfig>] = [
        .init("output", \.output, ConfigurationValue<String>.path.orNull(), definesRun: false, "run folder"),
        .init(
            "log_studies", \.logStudies, .truth, definesRun: false,
            "whether each step's line in log.jsonl names the rows of its studies"),
        .init(
            "checkpoint_every", \.checkpointEvery, ConfigurationValue<Int>.whole(atLeast: 1).orNull(),
            definesRun: false, "steps between checkpoints, put off while steps are skipped; null: each epoch"),
        .init(
            "keep_checkpoints", \.keepCheckpoints, .whole(atLeast: 1), definesRun: false, "how many checkpoints stay"),
        .init(
            "resume", \.resume, .resume, definesRun: false,
            "auto: the newest valid checkpoint in output; a path; or null"),
    ]

    /// Every key with its default in a stage, `model` and the fields of its object included.
    public static func keyTable(_ stage: Stage = .align) -> [ConfigurationKeyDescription] {
        let defaults = RunConfig(stage: stage)
        let model = ConfigurationKeyDescription(
            name: "model", defaultText: "\"alta-base\"",
            documentation: "the model's shape: a name, or an object with the fields below",
            expected: modelExpectation, definesRun: true)
        let rows = keys.map { key in
            ConfigurationKeyDescription(
                name: key.name, defaultText: key.json(defaults).excerpt, documentation: key.documentation,
                expected: key.expected, definesRun: key.definesRun)
        }
        return Array(rows.prefix(1)) + [model] + rows.dropFirst()
    }

    /// The table as text of three columns: key, default, meaning.
    public static func keyTableText(_ stage: Stage = .align) -> String {
        let table = keyTable(stage)
        func width(_ texts: [String]) -> Int { texts.map(\.count).max() ?? 0 }
        let nameWidth = width(table.map(\.name))
        let defaultWidth = width(table.map(\.defaultText))
        return table.map { row in
            "  \(row.name.padded(to: nameWidth))  \(row.defaultText.padded(to: defaultWidth))  \(row.documentation)\n"
        }.joined()
    }

    static let modelExpectation =
        ModelConfig.presetNames.joined(separator: ", ") + ", or an object of model fields"
}

extension ModelConfig {
    /// The fields of the `model` object, named as in the reference's `Config`.
    static let keys: [ConfigurationKey<ModelConfig>] = visionKeys + textKeys + jointKeys

    private static let size = ConfigurationValue<Int>.whole(atLeast: 1, atMost: 1 << 20)

    private static let visionKeys: [ConfigurationKey<ModelConfig>] = [
        .init("image_size", \.imageSize, size, "side of the encoder's input in pixels"),
        .init("patch_size", \.patchSize, size, "side of a patch in pixels; divides image_size"),
        .init("width", \.width, size, "width of the ViT; divisible by vision_heads"),
        .init("vision_depth", \.visionDepth, size, "blocks of the ViT"),
        .init("vision_heads", \.visionHeads, size, "attention heads of the ViT"),
        .init("decoder_width", \.decoderWidth, size, "width of the reconstruction decoder"),
        .init("decoder_depth", \.decoderDepth, size, "blocks of the decoder"),
        .init("decoder_heads", \.decoderHeads, size, "attention heads of the decoder"),
    ]

    private static let textKeys: [ConfigurationKey<ModelConfig>] = [
        .init(
            "text_width", \.givenTextWidth, size.orNull(),
            "width of BERT, divisible by text_heads; null: width, and in align nothing else"),
        .init("text_depth", \.textDepth, size, "layers of BERT"),
        .init("text_heads", \.textHeads, size, "attention heads of BERT"),
        .init("text_intermediate", \.textIntermediate, size, "width of BERT's feed-forward layers"),
        .init("vocabulary", \.vocabulary, .whole(atLeast: 1, atMost: 1 << 24), "entries; the vocabulary file decides"),
        .init(
            "max_tokens", \.maxTokens, .whole(atLeast: 3, atMost: 1 << 20),
            "longest report in tokens, [CLS] and [SEP] included"),
        .init("max_positions", \.maxPositions, .whole(atLeast: 3, atMost: 1 << 20), "position embeddings of BERT"),
        .init("dropout", \.dropout, .real(atLeast: 0, below: 1), "BERT's dropout where the run's key does not say"),
    ]

    private static let jointKeys: [ConfigurationKey<ModelConfig>] = [
        .init("adapter_ratio", \.adapterRatio, .real(above: 0), "width of an adapter as a share of width"),
        .init("adapter_scale", \.adapterScale, .real(atLeast: 0), "weight of the parallel adapters"),
        .init("projection", \.projection, size, "width of the joint embedding space"),
        .init("mask_ratio", \.maskRatio, .real(atLeast: 0, below: 1), "share of the patches that is hidden"),
        .init("normalize_pixels", \.normalizePixels, .truth, "standardise the reconstruction target patch by patch"),
        .init("antialias", \.antialias, .truth, "antialias the encoder's input, which is made from the target"),
    ]
}
