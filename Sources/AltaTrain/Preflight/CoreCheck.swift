import AltaCore
import AltaPlacement

/// Whether each thread of a job has a core, from the cores that each rank may really use.
package enum CoreCheck {
    static let name = "cores"

    /// One finding for all hosts where every thread has a core of its own, else one for each host that lacks some.
    package static func judge(_ reports: RankReports<MachineFacts>) -> [CheckFinding] {
        let hosts = RankList.byHost(reports.hosts.indices, hosts: reports.hosts)
        let findings = hosts.compactMap { host, ranks in
            judge(host: host, ranks.compactMap { rank in reports.facts[rank].map { (rank, $0) } })
        }
        return findings.isEmpty ? [.ok(name, describe(reports, hosts))] : findings
    }

    /// A host's ranks; nil where all is well.
    private static func judge(host: String, _ ranks: [(rank: Int, facts: MachineFacts)]) -> CheckFinding? {
        let cramped = ranks.filter { $0.facts.physicalCores.count < $0.facts.threads }
        let all = Set(ranks.flatMap { $0.facts.physicalCores })
        let threads = ranks.reduce(0) { $0 + $1.facts.threads }
        let quota = ranks.compactMap(\.facts.coreQuota).min()
        if let quota, Double(threads) > quota.rounded(.up) {
            return .note(
                name,
                "\(threads) threads on \(host), whose control group grants the time of \(ProgressLine.fixed(quota, 1)) cores",
                remedy: "start fewer ranks there, or raise the limit of the container")
        }
        let machine = ranks.map(\.facts.coreCount).max() ?? 0
        let shared = withoutCore(ranks)
        guard !shared.isEmpty || !cramped.isEmpty else { return nil }
        if threads > machine {
            return .note(
                name, "\(threads) threads on the \(machine) cores of \(host): ranks take turns",
                remedy: "start fewer ranks there; each needs a core a thread")
        }
        if let first = cramped.first {
            return .failed(
                name,
                "\(RankList.text(cramped.map(\.rank))) on \(host) may use \(CoreList(first.facts.cores)) for "
                    + "\(first.facts.threads) threads",
                remedy:
                    "start the job with alta-launch run --threads-per-rank, or mpirun --map-by slot:PE=\(first.facts.threads)"
            )
        }
        let places = CoreList(Set(shared.flatMap { $0.facts.cores }))
        return .failed(
            name,
            "\(RankList.text(shared.map(\.rank))) on \(host) must share \(places) with other ranks, though the machine has "
                + "\(machine) and the job uses \(all.count)",
            remedy: "leave binding to alta-launch, or give --no-binding where other jobs are bound there too")
    }

    /// The ranks that get fewer cores than they have threads, where physical cores are dealt out as well as can be.
    private static func withoutCore(
        _ ranks: [(rank: Int, facts: MachineFacts)]
    ) -> [(rank: Int, facts: MachineFacts)] {
        var matching = CoreMatching()
        return ranks.filter { rank in
            let cores = rank.facts.physicalCores.compactMap(\.first)
            return !(0..<rank.facts.threads).allSatisfy { _ in matching.add(cores: cores) }
        }
    }

    private static func describe(
        _ reports: RankReports<MachineFacts>, _ hosts: [(host: String, ranks: [Int])]
    ) -> String {
        let threads = Set(reports.facts.compactMap { $0?.threads }).sorted()
        let places = hosts.prefix(4).map { host, ranks in
            let bound = ranks.compactMap { rank in reports.facts[rank].map { (rank, CoreList($0.cores).text) } }
            let isSame = Set(bound.map(\.1)).count == 1
            let text =
                isSame
                ? "all of \(RankList.text(ranks)) on \(bound.first?.1 ?? "none")"
                : bound.prefix(8).map { "rank \($0) on \($1)" }.joined(separator: ", ")
                    + (bound.count > 8 ? ", ..." : "")
            return hosts.count == 1 ? text : "\(host): \(text)"
        }
        let each = threads.map(String.init).joined(separator: " or ")
        return "\(each) thread\(threads == [1] ? "" : "s") a rank, a core for each; \(places.joined(separator: "; "))"
            + (hosts.count > 4 ? "; and \(hosts.count - 4) hosts more" : "")
    }
}

/// Deals cores to threads, one each, moving threads that came earlier where that makes room (Kuhn's matching).
package struct CoreMatching {
    private var owners: [Int: Int] = [:]
    private var choices: [[Int]] = []

    /// No thread has a core.
    package init() {}

    /// Whether there is a core for one more thread.
    package mutating func add(cores: [Int]) -> Bool {
        choices.append(cores)
        var seen: Set<Int> = []
        return place(choices.count - 1, &seen)
    }

    private mutating func place(_ thread: Int, _ seen: inout Set<Int>) -> Bool {
        for core in choices[thread] where owners[core] == nil {
            owners[core] = thread
            return true
        }
        for core in choices[thread] where seen.insert(core).inserted {
            guard let owner = owners[core], place(owner, &seen) else { continue }
            owners[core] = thread
            return true
        }
        return false
    }
}

/// Whether ranks have the threads that they were meant to have.
package enum ThreadCheck {
    static let name = "threads"

    package static func judge(_ reports: RankReports<MachineFacts>) -> [CheckFinding] {
        let others = reports.differing(\.threads)
        guard let first = reports.facts.first ?? nil else { return [] }
        if let rank = others.first, let facts = reports.facts[rank] {
            return [
                .note(
                    name,
                    "\(facts.threads) threads on \(RankList.text(others, hosts: reports.hosts)), \(first.threads) on rank 0",
                    remedy: "set ALTA_THREADS alike on every rank: the slowest decides the speed of all")
            ]
        }
        let odd = reports.facts.indices.filter { rank in
            guard let facts = reports.facts[rank], let text = facts.threadVariable else { return false }
            return Int(text) != facts.threads
        }
        if let rank = odd.first, let facts = reports.facts[rank] {
            return [
                .note(
                    name,
                    "OMP_NUM_THREADS is \(facts.threadVariable ?? "") for \(RankList.text(odd, hosts: reports.hosts)), and "
                        + "ALTA_THREADS \(facts.threads)",
                    remedy: "set it to the threads of a rank, or leave it out; alta-launch run sets it")
            ]
        }
        return [.ok(name, "\(first.threads) on every rank")]
    }
}
