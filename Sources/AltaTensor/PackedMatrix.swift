/// Which products a packed weight serves; each direction has a layout, and a copy, of its own.
public struct PackDirections: OptionSet, Sendable {
    /// The directions as bits.
    public let rawValue: Int
    /// Wraps the bits.
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// `y = x . W^T`.
    public static let forward = PackDirections(rawValue: 1)
    /// `dx = dy . W`.
    public static let backward = PackDirections(rawValue: 2)
    /// Both.
    public static let both: PackDirections = [.forward, .backward]
}

/// A weight `[outputs, inputs]` (the layout of a PyTorch linear layer) in the layouts that the matrix kernels want.
///
/// It is bound to no engine: ranks that share memory may use one copy, where their engines have its format.
public final class PackedMatrix {
    /// The width of `y` and `dy`.
    public let outputs: Int
    /// The width of `x` and `dx`.
    public let inputs: Int
    /// The products it serves.
    public let directions: PackDirections
    /// The format of its numbers, and of what it is multiplied with.
    public let format: NumberFormat
    let forwardStorage: UnsafeMutableRawPointer?
    let backwardStorage: UnsafeMutableRawPointer?
    private let owner: AnyObject?

    init(
        outputs: Int, inputs: Int, directions: PackDirections, format: NumberFormat,
        forwardStorage: UnsafeMutableRawPointer?, backwardStorage: UnsafeMutableRawPointer?, owner: AnyObject?
    ) {
        self.outputs = outputs
        self.inputs = inputs
        self.directions = directions
        self.format = format
        self.forwardStorage = forwardStorage
        self.backwardStorage = backwardStorage
        self.owner = owner
    }
}
