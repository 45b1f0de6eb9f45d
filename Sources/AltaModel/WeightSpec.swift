import AltaCore

/// One published tensor.
public struct WeightPart: Sendable, Equatable {
    /// The name in the published checkpoints (timm/MAE for the ViT, Hugging Face BERT under `bert_encoder.`).
    public let name: String
    /// The published shape.
    public let shape: [Int]

    /// Stores name and shape.
    public init(name: String, shape: [Int]) {
        self.name = name
        self.shape = shape
    }

    /// How many numbers it has.
    public var count: Int { shape.reduce(1, *) }
}

/// How a weight begins where no file gives it.
public enum InitialValue: Sendable, Equatable {
    case zero
    case one
    /// N(0, 0.02).
    case normal
    /// The same with zeros in the first row: that of [PAD].
    case wordTable
    /// Uniform in +-sqrt(6 / (inputs + outputs)).
    case xavier
    /// MRM's fixed sine-cosine positions.
    case sineCosine
    /// ln(1 / 0.07), of the logit scales.
    case logitScale
}

/// When a weight trains.
public enum TrainingRule: Sendable {
    /// In every run.
    case always
    /// Where a run trains all weights.
    case onRequest
    /// Never: the fixed positions of MRM.
    case never
}

/// A weight as the model holds it: one published tensor, or several that are multiplied as one (BERT's q, k, v).
public struct WeightSpec: Sendable, Equatable {
    /// The published name of a single tensor, or the name of the stack.
    public let name: String
    /// The published tensors, one below the other.
    public let parts: [WeightPart]
    /// Rows of the matrix: outputs of a linear layer, entries of a table, 1 for a vector.
    public let rows: Int
    /// Columns of the matrix.
    public let columns: Int
    /// Whether the matrix engine multiplies with it.
    public let isPacked: Bool
    /// Whether rows of it are looked up, also where it is multiplied with.
    public let isTable: Bool
    /// How it begins where no file gives it.
    public let initial: InitialValue
    /// When it trains.
    public let training: TrainingRule

    /// Stores the description of a weight.
    public init(
        name: String, parts: [WeightPart], rows: Int, columns: Int, isPacked: Bool, isTable: Bool = false,
        initial: InitialValue, training: TrainingRule
    ) {
        self.name = name
        self.parts = parts
        self.rows = rows
        self.columns = columns
        self.isPacked = isPacked
        self.isTable = isTable
        self.initial = initial
        self.training = training
    }

    /// How many numbers it has.
    public var count: Int { rows * columns }

    /// Whether operations read its fp32 numbers where they do not change: not those of a matrix that is only multiplied with.
    public var needsPlainNumbers: Bool { !isPacked || isTable }

    /// Whether it trains without being asked for.
    public var trainsByDefault: Bool { training == .always }

    /// Whether it trains in a run of this set.
    public func trains(in set: TrainableSet) -> Bool { training == .always || training == .onRequest && set == .all }

    /// Whether AdamW decays it: neither a bias nor one-dimensional. Source: `decay_groups` of the reference.
    public var decays: Bool { parts[0].shape.count > 1 && !parts[0].name.hasSuffix(".bias") }
}
