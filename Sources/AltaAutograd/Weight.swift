import AltaTensor

/// A weight that never changes: converted and packed once, never differentiated, sent or checkpointed.
///
/// There is no way to a gradient from here; an operation that meets a frozen weight keeps no input for it.
public struct Frozen {
    /// The published name, or the name of the stack for weights that are multiplied as one.
    public let name: String
    /// The fp32 values, `[entries, width]` for tables and `[1, n]` for vectors; nil for matrices that are only multiplied
    /// with, whose packed copy is the only one.
    public let value: Matrix?
    /// The matrix as the engine multiplies with it; nil for vectors and tables.
    public let packed: PackedMatrix?

    /// Stores a weight whose memory somebody else owns for as long as the model lives.
    public init(name: String, value: Matrix?, packed: PackedMatrix?) {
        self.name = name
        self.value = value
        self.packed = packed
    }
}

/// A weight that trains: its fp32 master copy, and where its gradient goes.
public struct Trainable {
    /// The published name, or the name of the stack for weights that are multiplied as one.
    public let name: String
    /// The master copy, `[outputs, inputs]` for matrices and `[1, n]` for vectors.
    public let value: Matrix
    /// The matrix as the engine multiplies with it, packed again after every update; nil for vectors and tables.
    public let packed: PackedMatrix?
    /// Its place in the `GradientLedger`.
    public let slot: Int

    /// Stores a weight whose memory somebody else owns for as long as the model lives.
    public init(name: String, value: Matrix, packed: PackedMatrix?, slot: Int) {
        self.name = name
        self.value = value
        self.packed = packed
        self.slot = slot
    }
}

/// A weight of the model, of one kind or the other.
public enum Weight {
    case frozen(Frozen)
    case trainable(Trainable)

    /// The published name.
    public var name: String {
        switch self {
        case .frozen(let weight): weight.name
        case .trainable(let weight): weight.name
        }
    }

    /// The fp32 values; traps for a frozen matrix, which is only packed.
    public var value: Matrix {
        let value =
            switch self {
            case .frozen(let weight): weight.value
            case .trainable(let weight): weight.value
            }
        guard let value else { preconditionFailure("\(name) is kept only as it is multiplied with") }
        return value
    }

    /// The weight where it trains.
    public var trainable: Trainable? {
        if case .trainable(let weight) = self { weight } else { nil }
    }

    /// The packed matrix; traps for a vector or a table.
    public var packed: PackedMatrix {
        let packed =
            switch self {
            case .frozen(let weight): weight.packed
            case .trainable(let weight): weight.packed
            }
        guard let packed else { preconditionFailure("\(name) is not packed for products") }
        return packed
    }
}
