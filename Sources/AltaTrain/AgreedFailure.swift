import AltaCore
import AltaObjective
import Foundation

/// A failure that every rank knows of: one of them reports it, all end in good order.
public struct AgreedFailure: Error {
    /// What failed.
    public let error: AltaError
    /// The rank that prints it; the others stay silent.
    public let reportingRank: Int
    /// The number of a step that was not finite; nil: something else failed. Such a step may be skipped.
    public let notFinite: NotFiniteNumber?

    /// Stores what failed and who tells it.
    init(error: AltaError, reportingRank: Int) {
        self.error = error
        self.reportingRank = reportingRank
        notFinite = nil
    }

    /// A number that is not finite; the rank that computed it tells it.
    init(_ number: NotFiniteNumber, error: AltaError? = nil) {
        self.error = error ?? number.error
        reportingRank = number.rank ?? 0
        notFinite = number
    }

    /// Any error as one that can be told to other ranks.
    static func describe(_ error: any Error) -> AltaError { (error as? AltaError) ?? AltaError("\(error)") }

    static func encode(_ error: AltaError) -> String {
        guard let data = try? JSONEncoder().encode(error) else { return error.description }
        return String(decoding: data, as: UTF8.self)
    }

    static func decode(_ text: String) throws -> AltaError {
        (try? JSONDecoder().decode(AltaError.self, from: Data(text.utf8))) ?? AltaError(text)
    }
}
