import AltaCore

/// Decides, look by look, whether a rank's collective has stalled and whether it is this rank that tells. It has no clock
/// and no thread of its own.
///
/// Only what this rank sees change is taken for alive: clocks of hosts differ. A gap between two looks (the machine slept,
/// or this process was stopped) counts as one ordinary gap: the others were not watched in it.
///
/// A rank that works by itself for long, while the others wait for it, tells that it gets on (`RankStatus.progress`); as long
/// as it does, by its own clock, it is waited for.
package struct StallWatch {
    /// What is to be done after a look.
    package enum Action {
        case nothing
        /// This rank has waited too long, but another one tells.
        case wait
        /// This rank has waited too long and tells.
        case report(Stall)
    }

    package let rank: Int
    /// How long a rank may wait in one collective; 0: for ever.
    let stallSeconds: Double
    /// How often every rank beats.
    package let heartbeatSeconds: Double

    private var waited = 0.0
    /// Seconds of waiting for ranks that got on, before `waited`.
    private var waitedForProgress = 0.0
    private var operation = 0
    private var lastLook: Double?
    /// Seconds of looking, without the gaps.
    private var watched = 0.0
    private var hearts: [Int: Heart] = [:]
    /// Ranks that should have told and did not.
    private var silent: Set<Int> = []
    private var lookedAtAllSince: Double?

    /// When a rank's heart was first seen, and seen to beat.
    private struct Heart {
        var count: Int
        var changed: Double
    }

    package init(rank: Int, stallSeconds: Double, heartbeatSeconds: Double) {
        self.rank = rank
        self.stallSeconds = stallSeconds
        self.heartbeatSeconds = heartbeatSeconds
    }

    /// How long a heart must be seen without a beat to be taken for stopped.
    package var observationSeconds: Double { 5 * heartbeatSeconds }
    /// How long a lower rank has for telling before the next one does.
    package var patienceSeconds: Double { max(10 * heartbeatSeconds, min(10, stallSeconds)) }

    /// One look: at this rank, and at others only when it has waited for almost too long.
    ///
    /// - Parameters:
    ///   - now: seconds of a clock that never goes back.
    ///   - members: the ranks of a group that this rank is in.
    package mutating func look(
        now: Double, own: RankStatus, statuses: any StatusSource, members: (UInt64) -> [Int]?
    ) -> Action {
        let gap = min(now - (lastLook ?? now), 2 * heartbeatSeconds)
        lastLook = now
        watched += gap
        guard stallSeconds > 0, own.rankCount > 1, own.isInCollective, let current = own.operation,
            current.number == operation
        else {
            forget(own)
            return .nothing
        }
        waited += gap
        guard waited >= stallSeconds - observationSeconds else { return .nothing }
        if let teller = lowerTeller(statuses) {
            if waited >= stallSeconds + patienceSeconds * Double(silent.count + 1) { silent.insert(teller) }
            return waited >= stallSeconds ? .wait : .nothing
        }
        return lookAtAll(own, statuses, members)
    }

    private mutating func forget(_ own: RankStatus) {
        waited = 0
        waitedForProgress = 0
        operation = own.isInCollective ? own.operation?.number ?? 0 : 0
        hearts = [:]
        silent = []
        lookedAtAllSince = nil
    }

    /// The lowest rank below this one that waits too and is not known to have stopped: it tells.
    private mutating func lowerTeller(_ statuses: any StatusSource) -> Int? {
        for other in 0..<rank where !silent.contains(other) {
            guard let status = statuses.status(of: other), status.isInCollective else { continue }
            note(other, status)
            if isAlive(other) { return other }
        }
        return nil
    }

    private mutating func lookAtAll(
        _ own: RankStatus, _ statuses: any StatusSource, _ members: (UInt64) -> [Int]?
    ) -> Action {
        var found: [Int: RankStatus] = [:]
        for other in 0..<own.rankCount where other != rank {
            guard let status = statuses.status(of: other) else { continue }
            note(other, status)
            found[other] = status
        }
        let since = lookedAtAllSince ?? watched
        lookedAtAllSince = since
        guard waited >= stallSeconds else { return .nothing }
        guard watched - since >= observationSeconds else { return .wait }
        let sightings = (0..<own.rankCount).map { other in
            Sighting(
                rank: other, status: other == rank ? own : found[other],
                isAlive: other == rank || isAlive(other),
                silentSeconds: hearts[other].map { watched - $0.changed } ?? 0)
        }
        return judge(
            Stall.find(
                sightings, reporter: rank, waitedSeconds: waitedForProgress + waited,
                members: members(own.operation?.group ?? 0)))
    }

    /// Tells a stall, unless those that keep the others waiting get on with their work: then this rank goes on waiting, until
    /// they have told of nothing for as long as it waits for others.
    private mutating func judge(_ stall: Stall) -> Action {
        guard case .absent(let ranks) = stall.cause else { return .report(stall) }
        let ages = ranks.compactMap(\.progressAge).filter { $0 < stallSeconds }
        guard ages.count == ranks.count, let age = ages.min() else {
            return .report(stall.withoutThose { ($0.progressAge ?? stallSeconds) < stallSeconds })
        }
        waitedForProgress += waited - age
        waited = age
        hearts = [:]
        silent = []
        lookedAtAllSince = nil
        return .nothing
    }

    private mutating func note(_ other: Int, _ status: RankStatus) {
        if hearts[other]?.count != status.heartbeatCount {
            hearts[other] = Heart(count: status.heartbeatCount, changed: watched)
        }
    }

    private func isAlive(_ other: Int) -> Bool {
        hearts[other].map { watched - $0.changed < observationSeconds } ?? false
    }
}
