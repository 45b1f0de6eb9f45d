import AltaCore

/// Decides, look by look, whether a rank's collective has stalled and whether it is this rank that tells. It has no clock
/// and no thread of its own.
///
/// Only what this rank sees change is taken for alive: clocks of hosts differ. A gap between two looks (the machine slept,
/// or this process was stopped) counts as one ordinary gap: the others were not watched in it.
///
/// A status that comes through a file server comes late (`sharedFileSeconds`): such a rank is taken for stopped only after a
/// longer silence.
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

    /// When a rank's heart was first seen, or seen to beat.
    private struct Heart {
        var count: Int
        var changed: Double
        /// Whether it was seen to beat, and not only seen.
        var hasBeaten = false
    }

    /// How old what a file server shows may be. A client of NFS holds back what is written for up to 30 s
    /// where nothing asks for it (a status is synced, one mapped on the server itself is not), and another client looks at a
    /// file's attributes anew after 60 s at the latest (`acregmax`).
    package static let sharedFileSeconds = 60.0
    /// How many times longer ranks are waited for of which nothing can be known: they may be at work and say so elsewhere.
    package static let unknownPatience = 10.0

    package init(rank: Int, stallSeconds: Double, heartbeatSeconds: Double) {
        self.rank = rank
        self.stallSeconds = stallSeconds
        self.heartbeatSeconds = heartbeatSeconds
    }

    /// How long a heart must be seen without a beat to be taken for stopped.
    package var observationSeconds: Double { 5 * heartbeatSeconds }

    /// The same, of a rank with this status.
    private func observationSeconds(_ status: RankStatus, _ own: RankStatus) -> Double {
        observationSeconds + Self.delaySeconds(status, own)
    }

    /// How late the status may be.
    private static func delaySeconds(_ status: RankStatus, _ own: RankStatus) -> Double {
        isServed(status, own) ? sharedFileSeconds : 0
    }

    /// Whether the status comes by way of a file server: on one host too, where a slow server holds the next copy back.
    private static func isServed(_ status: RankStatus, _ own: RankStatus) -> Bool {
        status.isCopied || own.isCopied
    }

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
        guard waited >= stallSeconds - observationSeconds(own, own) else { return .nothing }
        if let teller = lowerTeller(own, statuses) {
            let patience = patienceSeconds + Self.delaySeconds(teller, own)
            if waited >= stallSeconds + patience * Double(silent.count + 1) { silent.insert(teller.rank) }
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
    private mutating func lowerTeller(_ own: RankStatus, _ statuses: any StatusSource) -> RankStatus? {
        for other in 0..<rank where !silent.contains(other) {
            guard let status = statuses.status(of: other), status.isInCollective else { continue }
            note(other, status)
            if isAlive(status, own) { return status }
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
        let seen = watched - since
        // Some may be heard of at long intervals, each at another time: then that has to do.
        let isLong = seen >= 2 * (observationSeconds + Self.sharedFileSeconds)
        guard seen >= observationSeconds, isLong || !found.values.contains(where: { isUndecided($0, own) }) else {
            return .wait
        }
        let stall = Stall.find(
            (0..<own.rankCount).map { sighting(of: $0, $0 == rank ? own : found[$0], own) }, reporter: rank,
            waitedSeconds: waitedForProgress + waited, members: members(own.operation?.group ?? 0))
        return judge(stall, isKnowable: isEveryRankKnowable(found, own, statuses))
    }

    /// Whether a rank behind a file server has been silent for too long to be known to run, and not long enough to be called
    /// stopped.
    private func isUndecided(_ status: RankStatus, _ own: RankStatus) -> Bool {
        guard Self.isServed(status, own), let heart = hearts[status.rank] else { return false }
        let silent = watched - heart.changed
        return silent < observationSeconds(status, own) && !(heart.hasBeaten && silent < observationSeconds)
    }

    private func sighting(of other: Int, _ status: RankStatus?, _ own: RankStatus) -> Sighting {
        func seen(isAlive: Bool) -> Sighting {
            Sighting(
                rank: other, status: status, isAlive: isAlive,
                silentSeconds: hearts[other].map { watched - $0.changed } ?? 0)
        }
        guard other != rank, let status else { return seen(isAlive: other == rank) }
        if isAlive(status, own) { return seen(isAlive: true) }
        // What it told of its work comes as late as its heartbeats do.
        let isAtWork =
            Self.isServed(status, own) && !status.isInCollective
            && seen(isAlive: false).progressAge ?? stallSeconds < stallSeconds
        return seen(isAlive: isAtWork)
    }

    /// Whether a rank that cannot be seen is known to have left no status: not where each host may look in a folder of its
    /// own, and all that must be seen in this one are.
    private func isEveryRankKnowable(
        _ found: [Int: RankStatus], _ own: RankStatus, _ statuses: any StatusSource
    ) -> Bool {
        guard let certain = statuses.certainCount, !own.isCopied else { return true }
        return found.count + 1 < certain || found.values.contains { $0.host != own.host }
    }

    /// Tells a stall, unless those that keep the others waiting get on with their work: then this rank goes on waiting, until
    /// they have told of nothing for as long as it waits for others.
    private mutating func judge(_ stall: Stall, isKnowable: Bool) -> Action {
        if case .unseen = stall.cause, !isKnowable {
            let limit = Self.unknownPatience * stallSeconds + patienceSeconds * Double(silent.count)
            return waited >= limit ? .report(stall) : .wait
        }
        guard case .absent(let ranks) = stall.cause else { return .report(stall) }
        let ages = ranks.compactMap(\.progressAge).filter { $0 < stallSeconds }
        guard ages.count == ranks.count, let age = ages.min() else {
            return .report(stall.withoutThose { ($0.progressAge ?? stallSeconds) < stallSeconds })
        }
        waitedForProgress += waited - age
        waited = age
        silent = []
        lookedAtAllSince = nil
        return .nothing
    }

    private mutating func note(_ other: Int, _ status: RankStatus) {
        if hearts[other]?.count != status.heartbeatCount {
            let wasSeen = hearts[other] != nil
            hearts[other] = Heart(count: status.heartbeatCount, changed: watched, hasBeaten: wasSeen)
        }
    }

    private func isAlive(_ status: RankStatus, _ own: RankStatus) -> Bool {
        hearts[status.rank].map { watched - $0.changed < observationSeconds(status, own) } ?? false
    }
}
