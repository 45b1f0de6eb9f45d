import AltaCore

/// Which stage studies are prepared for: what of a table it needs, and which constants its images and costs have.
public enum StudyRecipe: Equatable, Sendable {
    /// ALTA: four radiographs and a shuffled report whose tokens are masked one by one.
    case align
    /// MRM: the current frontal radiograph and a report whose words are masked whole. `antialias` says how the encoder's
    /// input is made from the reconstruction target.
    case pretrain(antialias: Bool)

    /// What the studies of a model need.
    public init(_ model: ModelConfig) { self = model.stage == .align ? .align : .pretrain(antialias: model.antialias) }

    /// MRM as published: its pinned torchvision scaled tensors down without antialiasing.
    public static let publishedPretraining = StudyRecipe.pretrain(antialias: false)

    /// The radiographs that a study needs, or may have, in the order in which they are prepared.
    public var views: [View] { (self == .align ? Stage.align : .pretrain).views }

    /// The names that the report's column may have.
    public var reportColumns: [String] { [StudyTable.reportColumn] + (self == .align ? [] : ["report_content"]) }

    /// Whether a vocabulary must have [SEP]; the published one of MRM has none.
    public var needsSeparator: Bool { self == .align }

    /// What pixels are normalised by.
    public var normalization: PixelNormalization { self == .align ? .alta : .mrm }

    /// Whether the encoder's input is an antialiased reduction of the reconstruction target.
    public var antialias: Bool {
        switch self {
        case .align: return true
        case .pretrain(let antialias): return antialias
        }
    }

    /// What radiographs and decoder cost in a training step of the published model, in tokens of the report.
    ///
    /// ALTA: 102 GFLOP (vision 77, decoder 25) against 0.81 for each token (text 64 and MLM 4 for 84). MRM: 63 GFLOP
    /// (vision 26, decoder 37) against 0.10 for each token, counted, not measured.
    public var radiographCost: Int { self == .align ? 126 : 620 }
}
