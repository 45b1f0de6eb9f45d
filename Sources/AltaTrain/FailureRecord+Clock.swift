import AltaComm
import AltaCore
import Foundation

extension FailureRecord {
    /// What a rank leaves of an error, with what it is doing. Not collective.
    ///
    /// - Parameters:
    ///   - error: may be of another rank, which it then names.
    ///   - ranks: of the job, this rank's.
    public init(_ error: AltaError, ranks: any Collectives, clock: PhaseClock) {
        self.init(
            rank: error.rank ?? ranks.rank, host: ranks.hostName, phase: clock.current, step: clock.step,
            message: error.description, exitCode: error.exitCode.rawValue,
            secondsSince1970: Date().timeIntervalSince1970)
    }
}
