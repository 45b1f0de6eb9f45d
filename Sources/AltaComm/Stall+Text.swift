import AltaCore

extension Stall {
    /// The fault in one line: who keeps the others waiting, where it is, and for how long.
    public var error: AltaError {
        let first = culprits.first
        let call = reporter.status?.operation?.description ?? "a collective"
        let waiting = "rank \(reporter.rank) has waited \(Self.seconds(waitedSeconds)) in \(call)"
        let remedy = "start the job again to resume; more time: ALTA_STALL_SECONDS, or 0 for no limit"
        switch cause {
        case .stopped(let ranks):
            return error(
                "\(RankList.text(ranks.map(\.rank)))\(host(ranks)) \(ranks.count == 1 ? "does" : "do") not run",
                "stopped, swapped out or gone with the host; \(Self.last(first)); \(waiting)", remedy)
        case .absent(let ranks):
            return error(
                "\(RankList.text(ranks.map(\.rank)))\(host(ranks)) did not come to a collective",
                "\(ranks.count == 1 ? "it runs, but" : "they run, but rank \(ranks[0].rank)") \(Self.stay(first)); "
                    + waiting, remedy)
        case .unseen(let ranks):
            return error(
                "nothing is known of \(RankList.text(ranks.map(\.rank)))",
                "never started, or their statuses are where \(reporter.status?.host ?? "this host") cannot read them; "
                    + waiting, "put `output` on a file system that all hosts share; " + remedy)
        case .mismatch(let groups):
            let texts = groups.map { "\(RankList.text($0.map(\.rank))) in \(Self.call($0[0]))" }
            return error(
                "ranks wait in different collectives", "\(texts.joined(separator: ", ")); \(waiting)",
                "every rank must call the same, in the same order; ALTA_CHECK_COLLECTIVES=1 finds the first that differs"
            )
        case .transport:
            return error(
                "a collective does not complete though all ranks are in it", waiting,
                "check the network between the hosts (alta-launch check); " + remedy)
        }
    }

    /// All that is said: the error's line with its `error: `, then what each group of ranks does.
    public var lines: [String] {
        ["error: \(error)"] + culprits.prefix(8).map { "  rank \($0.rank)\(host([$0])): \(Self.describe($0))" }
            + others.prefix(8).map { "  \(RankList.text($0.map(\.rank)))\(host($0)): \(Self.describe($0[0]))" }
    }

    /// What the launcher is to take for the job's end: the first culprit's rank, host, step and phase.
    public func record(secondsSince1970: Double) -> FailureRecord {
        let status = (culprits.first ?? reporter).status
        return FailureRecord(
            rank: (culprits.first ?? reporter).rank, host: status?.host ?? "an unknown host",
            phase: status?.phase ?? "start", step: status?.step, message: "\(error)",
            exitCode: ExitCode.stoppedEarly.rawValue, secondsSince1970: secondsSince1970)
    }

    /// Ranks that are no culprits, together where they are in the same.
    private var others: [[Sighting]] {
        let named = Set(culprits.map(\.rank))
        return Dictionary(grouping: ranks.filter { !named.contains($0.rank) }) { sighting in
            "\(sighting.isAlive) \(sighting.status?.place ?? "") \(sighting.status?.operation?.description ?? "")"
        }.values.sorted { $0[0].rank < $1[0].rank }
    }

    private func error(_ what: String, _ why: String, _ remedy: String) -> AltaError {
        // The ranks stand in the text already.
        AltaError(what, why: why, remedy: remedy, exitCode: .stoppedEarly)
    }

    private func host(_ ranks: [Sighting]) -> String {
        let hosts = Set(ranks.compactMap { $0.status?.host })
        guard let host = hosts.first, hosts.count == 1 else { return "" }
        return " on \(host)"
    }

    // MARK: One rank

    private static func seconds(_ value: Double) -> String { "\(Int(value.rounded())) s" }

    private static func call(_ sighting: Sighting) -> String {
        guard let operation = sighting.status?.operation else { return "none" }
        return "\(operation.description) (\(sighting.status?.place ?? ""))"
    }

    /// Where a rank that does not run was last.
    private static func last(_ sighting: Sighting?) -> String {
        guard let status = sighting?.status else { return "it never said what it does" }
        let operation = status.operation.map { ", \(status.isInCollective ? "inside" : "last in") \($0.description)" }
        return "it was \(status.place)\(operation ?? "")"
    }

    /// Where a rank that runs is.
    private static func stay(_ sighting: Sighting?) -> String {
        guard let sighting, let status = sighting.status else { return "says nothing" }
        let after = status.operation.map { ", after \($0.description)" } ?? ""
        return "has been \(status.place) for \(seconds(sighting.unchangedSeconds))\(after)"
    }

    private static func describe(_ sighting: Sighting) -> String {
        guard let status = sighting.status else { return "nothing is known of it" }
        guard sighting.isAlive else {
            return "\(last(sighting)); no sign of life for \(seconds(sighting.silentSeconds)) or more"
        }
        guard status.isInCollective, let operation = status.operation else { return stay(sighting) }
        return "waiting in \(operation.description), \(status.place), for \(seconds(sighting.unchangedSeconds))"
    }
}
