import AltaCore

/// What stood still where a whole job stood still.
public struct StallFinding: Equatable, Sendable {
    /// For how long nothing was heard.
    public var seconds: Double
    /// Ranks that never published anything.
    public var absent: [Int]
    /// Ranks whose watchdog fell silent: stopped, or their host hangs.
    public var silent: [Int]

    /// Stores the finding.
    public init(seconds: Double, absent: [Int] = [], silent: [Int] = []) {
        self.seconds = seconds
        self.absent = absent
        self.silent = silent
    }
}

/// Notices a job in which nothing happens any more and nobody is left to say so: every rank is stopped, or all wait in
/// MPI's start for a rank that never came. A rank that waits in a collective while its own watchdog runs is that
/// watchdog's matter, and a rank that works for long without a word is at work as long as its watchdog beats.
///
/// Pure: it is shown what the ranks published, and the time.
public struct SilenceWatch: Sendable {
    private let rankCount: Int
    private let limitSeconds: Double
    private var seen: [Int: Seen] = [:]
    private var lastProgress: Double

    private struct Seen {
        var status: RankStatus
        /// When the launcher last saw that the rank's watchdog had beaten.
        var lastBeat: Double
    }

    /// Whether the launcher sees what every rank of a job publishes: the run folder is one that all hosts share, and without
    /// one the folder of the statuses is this machine's own. Of ranks that it cannot see it knows nothing, least of all that
    /// they never started.
    public static func canSee(_ plan: LaunchPlan, output: String?) -> Bool { output != nil || !plan.hasOtherHosts }

    /// How much later than the ranks' own watchdogs it speaks: they know more.
    public static func margin(stallSeconds: Double) -> Double { max(10, stallSeconds / 10) }

    /// How often looking is worth its price: a status of each rank is read every time.
    public var intervalSeconds: Double { min(limitSeconds / 20, 15) }

    /// A watch that has seen nothing at time `now`, for ranks that find stalls by themselves after `stallSeconds`.
    public init(rankCount: Int, stallSeconds: Double, now: Double) {
        self.rankCount = rankCount
        limitSeconds = stallSeconds + Self.margin(stallSeconds: stallSeconds)
        lastProgress = now
    }

    /// Looks at the ranks; what stands still, once everything has for too long. Times are the launcher's, in seconds.
    public mutating func look(_ statuses: [RankStatus], now: Double) -> StallFinding? {
        for status in statuses {
            guard let before = seen[status.rank] else {
                seen[status.rank] = Seen(status: status, lastBeat: now)
                lastProgress = now
                continue
            }
            let (old, new) = (before.status, status)
            if old.since != new.since || old.phase != new.phase || old.progress != new.progress { lastProgress = now }
            let hasBeaten = before.status.heartbeatCount != status.heartbeatCount
            seen[status.rank] = Seen(status: status, lastBeat: hasBeaten ? now : before.lastBeat)
        }
        let seconds = now - lastProgress
        guard seconds > limitSeconds else { return nil }
        let absent = (0..<rankCount).filter { seen[$0] == nil }
        let silent = seen.filter { now - $0.value.lastBeat > limitSeconds }.keys.sorted()
        let areJoining = seen.values.contains { $0.status.isInCollective && $0.status.operation?.kind == .join }
        guard !absent.isEmpty || !silent.isEmpty || areJoining else { return nil }
        return StallFinding(seconds: seconds, absent: absent, silent: silent)
    }
}
