import AltaComm
import AltaCore
import Foundation

extension FailureRecord {
    /// What a rank leaves of an error, with what the failing rank is doing: this one, or another that the error names. Not
    /// collective.
    ///
    /// - Parameters:
    ///   - ranks: of the job, this rank's.
    ///   - clock: this rank's.
    ///   - status: what another rank said last; nil: it cannot be seen, and then nothing is said of where it was.
    public init(
        _ error: AltaError, ranks: any Collectives, clock: PhaseClock, status: (Int) -> RankStatus? = { _ in nil }
    ) {
        let rank = error.rank ?? ranks.rank
        let other = rank == ranks.rank ? nil : Place(status(rank))
        let place = other ?? Place(host: ranks.hostName, phase: clock.current, step: clock.step)
        self.init(
            rank: rank, host: place.host, phase: place.phase, step: place.step, message: error.description,
            exitCode: error.exitCode.rawValue, secondsSince1970: Date().timeIntervalSince1970)
    }

    /// The file of this record where `writer` leaves it: its own, or what it tells of another.
    public func fileName(writer: Int) -> String {
        rank == writer ? Self.fileName(rank: rank) : Self.fileName(rank: rank, seenBy: writer)
    }
}

/// Where a rank is, on its machine and in its work.
private struct Place {
    let host: String
    let phase: String
    let step: Int?
}

extension Place {
    /// Where another rank was last.
    init(_ status: RankStatus?) {
        self.init(
            host: status?.host ?? "an unknown host", phase: status?.phase ?? "an unknown place", step: status?.step)
    }
}
