/// Which weights a run trains.
public enum TrainableSet: String, Codable, Sendable, CaseIterable {
    /// The published set: adapters, norms, heads and what belongs to them (7.57 % at full size).
    case adapters
    /// Every weight of the model.
    case all
}

/// How BERT's adapters begin (METHOD: "Initialisation of what is new").
public enum AdapterInit: String, Codable, Sendable, CaseIterable {
    /// `D_fc2` zero: the encoder starts unperturbed.
    case zero
    /// Both matrices N(0, 0.02), as the published code's loader leaves them.
    case published
}

/// How absent radiographs are encoded.
public enum AbsentViews: String, Codable, Sendable, CaseIterable {
    /// Every absent view with a mask of its own (published).
    case each
    /// One mask per step and view slot.
    case shared
}

/// How the pixels of a DICOM file become 8 bits.
public enum DicomScaling: String, Codable, Sendable, CaseIterable {
    /// x 255 / max, inverted for MONOCHROME1 (the published evaluation on RSNA).
    case published
    /// Minimum to maximum, inverted for MONOCHROME1, histogram-equalised (as MIMIC-CXR-JPG was made).
    case mimic
}

/// The arithmetic of a run.
public enum Precision: String, Codable, Sendable, CaseIterable {
    case fp32, bf16, auto
}

/// What becomes of a step whose losses or gradient are not finite.
public enum OnNotFinite: String, Codable, Sendable, CaseIterable {
    /// The run ends before the update.
    case stop
    /// The step makes no update, and the run goes on.
    case skip
}

/// Where a run begins.
public enum Resume: Equatable, Sendable {
    /// At the first step.
    case never
    /// From the newest valid checkpoint in the output folder, else at the first step.
    case auto
    /// From a run folder or a step folder.
    case path(String)
}

/// Everything that defines a run; the keys and defaults are a contract with users' scripts. Defaults are those of the stage
/// `align`; `init(stage:)` has the other's.
public struct RunConfig: Equatable, Sendable {
    /// The model's name or shape. The vocabulary's size comes from its file.
    public var model = ModelConfig()
    /// Key `pretrained.vision`: a checkpoint, a Hugging Face folder or a run folder.
    public var pretrainedVision: String?
    /// Key `pretrained.text`: the same, for the text encoder.
    public var pretrainedText: String?
    /// Key `data.train`.
    public var trainPath: String?
    /// Key `data.validation`.
    public var validationPath: String?
    /// Key `data.image_root`; nil: the CSV's own folder.
    public var imageRoot: String?
    /// Key `data.vocabulary`.
    public var vocabularyPath: String?
    /// Key `data.dicom_scaling`.
    public var dicomScaling = DicomScaling.published
    /// Studies in one step, over all ranks.
    public var globalBatch = 96
    /// Studies one rank has in flight; 0: chosen from memory.
    public var microBatch = 0
    /// Epochs to train.
    public var epochs = 30
    /// Epochs over which the cosine reaches zero.
    public var scheduleEpochs = 100.0
    /// Epochs of linear warm-up.
    public var warmupEpochs = 10.0
    /// A limit on the number of steps.
    public var steps: Int?
    /// The peak rate; nil: 1.5e-4 x global batch / 256.
    public var learningRate: Double?
    /// AdamW's decay of what is neither a bias nor one-dimensional.
    public var weightDecay = 0.05
    /// What every random draw hangs on.
    public var seed: UInt64 = 1
    /// The arithmetic.
    public var precision = Precision.auto
    /// Order-free sums; nil: where only adapters train.
    public var deterministic: Bool?
    /// What trains.
    public var trainable = TrainableSet.adapters
    /// How BERT's adapters begin.
    public var adapterInit = AdapterInit.zero
    /// How absent radiographs are encoded.
    public var absentViews = AbsentViews.each
    /// BERT's dropout; nil: the text encoder's own, the model's without one.
    public var dropout: Double?
    /// What becomes of a step whose losses or gradient are not finite.
    public var onNotFinite = OnNotFinite.stop
    /// Steps between comparisons of what the ranks trained.
    public var compareWeightsEvery = 100
    /// The run folder.
    public var output: String?
    /// Steps between checkpoints; nil: each epoch. One that is due after a skipped step is written after the next that is
    /// taken, or the run's last.
    public var checkpointEvery: Int?
    /// Whether the log names the studies of each step.
    public var logStudies = false
    /// How many checkpoints stay.
    public var keepCheckpoints = 3
    /// Where to begin.
    public var resume = Resume.auto

    /// Every default of the stage `align`.
    public init() {}

    /// Every default of a stage: the recipe that was published for it.
    public init(stage: Stage) {
        model = .published(stage)
        guard stage == .pretrain else { return }
        (globalBatch, epochs, scheduleEpochs, warmupEpochs) = (256, 200, 200, 40)
        trainable = .all
    }

    /// Which model the run trains. Key `stage`; its default is the command's.
    public var stage: Stage { model.stage }

    /// The name of the preset that the model is, its vocabulary aside; for messages.
    public var modelName: String? {
        ModelConfig.presetNames.first { name in
            var preset = ModelConfig.preset(name, stage: stage)
            preset?.vocabulary = model.vocabulary
            return preset == model
        }
    }
    /// BERT's dropout after the default rule, where no text encoder brings its own.
    public var dropoutRate: Double { dropout ?? model.dropout }
    /// The peak learning rate after the default rule.
    public var peakLearningRate: Double { learningRate ?? 1.5e-4 * Double(globalBatch) / 256 }
    /// Whether sums are order-free after the default rule.
    public var isDeterministic: Bool { deterministic ?? (trainable == .adapters) }
}
