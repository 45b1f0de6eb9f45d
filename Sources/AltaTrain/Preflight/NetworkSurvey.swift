import AltaComm
import AltaCore
import Foundation

/// Measures between every two hosts, and within each host, in rounds in which every rank has one partner at most.
///
/// All ranks begin a round together: who came early would call a partner silent that still waits for another one. The barrier
/// itself has no patience; it needs no link that the collectives before it did without, and the two ranks that do not hear of
/// each other end the job while the others are in it.
package struct NetworkSurvey {
    let collectives: any Collectives
    /// The host of each rank.
    let hosts: [String]
    var meter: PairMeter

    /// A survey of ranks that call it together.
    package init(collectives: any Collectives, hosts: [String], meter: PairMeter) {
        self.collectives = collectives
        self.hosts = hosts
        self.meter = meter
    }

    /// All rounds together take about this long at most: 64 hosts make 63 of them.
    static let budgetSeconds = 6.0
    /// Exchanges of large messages in a round, about.
    private static let exchangesOfRound = 4.0

    /// What was measured; on rank 0 all of it.
    package struct Found {
        package var pairs: [PairMeasure] = []
        var near: [PairMeasure] = []
        var clocks: [(host: String, offset: ClockOffset)] = []
    }

    /// Collective.
    ///
    /// - Throws: `PairMeter.Silence` on a rank that does not hear of its partner.
    package func run() throws -> Found {
        let groups = RankList.byHost(hosts.indices, hosts: hosts)
        let leaders = groups.map(\.ranks[0])
        let rank = collectives.rank
        var found = Found()
        // The host's second rank, or itself where it is alone.
        let near = groups.map { ($0.ranks[0], $0.ranks.count > 1 ? $0.ranks[1] : $0.ranks[0]) }
        for pair in near where pair.0 != pair.1 && (pair.0 == rank || pair.1 == rank) {
            if let measure = try meter.measure(with: pair.0 == rank ? pair.1 : pair.0) { found.near.append(measure) }
        }
        let rounds = PairRounds.rounds(leaders.count)
        var between = meter
        between.exchangeSeconds = min(
            meter.exchangeSeconds, Self.budgetSeconds / Self.exchangesOfRound / Double(max(rounds.count, 1)))
        for round in rounds {
            try collectives.barrier()
            for pair in round {
                let (first, second) = (leaders[pair.first], leaders[pair.second])
                guard first == rank || second == rank else { continue }
                if let measure = try between.measure(with: first == rank ? second : first) {
                    found.pairs.append(measure)
                }
            }
        }
        try collectives.barrier()
        found.clocks = try clocks(leaders)
        found.near = try gathered(found.near)
        found.pairs = try gathered(found.pairs)
        return found
    }

    /// Rank 0 asks the first rank of every other host for the time, one after the other.
    private func clocks(_ leaders: [Int]) throws -> [(host: String, offset: ClockOffset)] {
        func now() -> Double { Date().timeIntervalSince1970 }
        let rank = collectives.rank
        guard rank == 0 else {
            if leaders.contains(rank) { try meter.answerClock(to: 0, now: now) }
            return []
        }
        return try leaders.filter { $0 != 0 }.map { leader in
            (hosts[leader], try meter.clockOffset(of: leader, now: now))
        }
    }

    /// Every rank's measures, on every rank, in order. Collective.
    private func gathered(_ own: [PairMeasure]) throws -> [PairMeasure] {
        let reports = try RankReports<[PairMeasure]>.gather(collectives, hosts: hosts) { own }
        return reports.facts.flatMap { $0 ?? [] }.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }
}

/// Whether ranks may open as many files as a run does.
package enum FileLimitCheck {
    static let name = "open files"
    /// Tables, packs, checkpoints, sockets of MPI.
    static let leastCount = 256

    package static func judge(_ reports: RankReports<MachineFacts>) -> [CheckFinding] {
        let needed = leastCount + 2 * reports.hosts.count
        let short = reports.facts.indices.filter { rank in reports.facts[rank].map { $0.openFiles < needed } ?? false }
        let least = reports.facts.compactMap { $0?.openFiles }.min() ?? 0
        guard short.isEmpty else {
            return [
                .failed(
                    name, "\(least) for \(RankList.text(short, hosts: reports.hosts)), of which a rank needs \(needed)",
                    remedy: "raise the limit (ulimit -n \(max(4096, needed)), or nofile in /etc/security/limits.conf)")
            ]
        }
        return [.ok(name, "\(least) on every rank at least")]
    }
}
