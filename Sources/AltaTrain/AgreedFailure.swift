import AltaCore
import Foundation

/// A failure that every rank knows of: one of them reports it, all end in good order.
public struct AgreedFailure: Error {
    /// What failed.
    public let error: AltaError
    /// The rank that prints it; the others stay silent.
    public let reportingRank: Int

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
