import AltaCore

/// Why the losses are not defined for a batch or its temperatures. Every rank finds the same, from what all of them know, and
/// after the same collectives; a failure of a collective, which one rank alone may see, is never told so.
public struct UndefinedLosses: Error, Sendable, CustomStringConvertible {
    /// The fault; its rank has the study, where it is one study's.
    public let error: AltaError

    /// Stores a fault that every rank finds.
    init(_ error: AltaError) { self.error = error }

    /// As `error` has it.
    public var description: String { error.description }
}
