import AltaCore

/// What the watchdog of one rank sees of another.
package struct Sighting: Sendable {
    package let rank: Int
    /// What it said last; nil: nothing that can be read.
    package let status: RankStatus?
    /// Whether its heart was seen to beat.
    package let isAlive: Bool
    /// For how long it was seen not to.
    package let silentSeconds: Double

    package init(rank: Int, status: RankStatus?, isAlive: Bool, silentSeconds: Double) {
        self.rank = rank
        self.status = status
        self.isAlive = isAlive
        self.silentSeconds = silentSeconds
    }

    var isWaiting: Bool { isAlive && (status?.isInCollective ?? false) }

    /// Seconds since the rank told of progress in work of its own: by its own clock up to its last heartbeat, by this one's
    /// since; nil: it did not, or its clock was set back since.
    var progressAge: Double? {
        guard let status, status.progress > 0 else { return nil }
        let age = status.heartbeat - status.progress
        return age < -Self.beatSeconds ? nil : max(0, age) + silentSeconds
    }

    /// More than passes between two heartbeats, after which progress may be told.
    private static let beatSeconds = 60.0

    /// Seconds since the rank changed anything, by its own clock, up to its last heartbeat.
    var unchangedSeconds: Double { status.map { max(0, $0.heartbeat - $0.since) } ?? 0 }

    /// The last operation of a group that the rank entered; -1: none that is remembered.
    func sequence(in group: UInt64) -> Int {
        status?.operations.last { $0.group == group && $0.kind != .finishAllReduce }?.sequence ?? -1
    }
}

/// A collective that does not complete, and why: as the ranks' statuses have it.
public struct Stall: Sendable {
    /// What keeps the others waiting.
    package enum Cause: Sendable {
        /// These ranks do not run: stopped, swapped out, or their host is gone.
        case stopped([Sighting])
        /// These run and have not come.
        case absent([Sighting])
        /// Nothing can be read of these: they never started, or keep their statuses where this host cannot see them.
        case unseen([Sighting])
        /// All wait, but not in the same collective: ranks by what they are in, the fewest first.
        case mismatch([[Sighting]])
        /// All are in the same: what carries the data does not.
        case transport
    }

    /// Every rank of the job.
    let ranks: [Sighting]
    /// The rank that tells.
    let reporter: Sighting
    /// How long it has waited.
    package let waitedSeconds: Double
    package let cause: Cause

    /// The cause of a stall that `reporter` found.
    ///
    /// First among the ranks of its group, then among all: what it waits for may itself wait for others.
    ///
    /// - Parameter members: the ranks of the group that the reporter waits in; nil: all.
    package static func find(
        _ ranks: [Sighting], reporter: Int, waitedSeconds: Double, members: [Int]?
    ) -> Stall {
        let own = ranks[reporter]
        let group = own.status?.operation?.group ?? 0
        let sequence = own.status?.operation?.sequence ?? 0
        let inGroup = (members ?? Array(ranks.indices)).filter(ranks.indices.contains).map { ranks[$0] }
        // A rank that stopped inside the collective keeps the others waiting as one does that never came.
        let late = inGroup.filter { !$0.isAlive || $0.sequence(in: group) < sequence }
        let unseen = ranks.filter { $0.status == nil }
        let cause =
            missing(late) ?? missing(ranks) ?? (unseen.isEmpty ? nil : .unseen(unseen)) ?? mismatch(inGroup)
            ?? mismatch(ranks) ?? .transport
        return Stall(ranks: ranks, reporter: own, waitedSeconds: waitedSeconds, cause: cause)
    }

    /// Those of the ranks that do not wait; nil: all that can be seen do.
    private static func missing(_ ranks: [Sighting]) -> Cause? {
        let seen = ranks.filter { $0.status != nil }
        let stopped = seen.filter { !$0.isAlive }
        if !stopped.isEmpty { return .stopped(stopped) }
        let absent = seen.filter { !$0.isWaiting }
        return absent.isEmpty ? nil : .absent(absent)
    }

    private static func mismatch(_ ranks: [Sighting]) -> Cause? {
        let groups = Dictionary(grouping: ranks) { $0.status?.operation?.description ?? "" }.values
            .sorted { ($0.count, -$0[0].rank) < ($1.count, -$1[0].rank) }
        return groups.count > 1 ? .mismatch(groups.map { $0 }) : nil
    }

    /// The same without absent ranks that are at work after all.
    func withoutThose(_ isAtWork: (Sighting) -> Bool) -> Stall {
        guard case .absent(let absent) = cause else { return self }
        return Stall(
            ranks: ranks, reporter: reporter, waitedSeconds: waitedSeconds,
            cause: .absent(absent.filter { !isAtWork($0) }))
    }

    /// The ranks that keep the others waiting, the likeliest first; of a mismatch those in the rarest collective.
    package var culprits: [Sighting] {
        switch cause {
        case .stopped(let ranks), .absent(let ranks), .unseen(let ranks): ranks
        case .mismatch(let groups): groups[0]
        case .transport: []
        }
    }
}
