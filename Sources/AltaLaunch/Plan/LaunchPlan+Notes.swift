import AltaCore

extension LaunchPlan {
    /// What a person should know of the plan, a line each: where hosts come from, limits, what is idle and why, doubts.
    var notes: [String] {
        request.hostNotes.map { "note: \($0)" } + nameNotes + grantNotes + limitNotes + assumptionNotes + idleNotes
            + straddlingNotes
            + memoryNotes
    }

    /// This machine, where it is a host of the job.
    private var ownHost: PlannedHost? { plannedHosts.first { !$0.isAssumed } }

    private var nameNotes: [String] {
        let names = request.hosts.map(\.name).filter(machine.isCalled)
        guard names.count > 1, let own = ownHost else { return [] }
        return [
            "note: \(names.joined(separator: ", ")) are this machine, which counts once, with \(own.host.slots ?? 1) slots"
        ]
    }

    /// What a scheduler calls a processor is not written anywhere.
    private var grantNotes: [String] {
        guard let own = ownHost, let granted = own.host.grantedCores,
            granted < machine.hardwareThreadCount, own.coreCount * 2 <= granted, !machine.isFenced
        else { return [] }
        return [
            "note: the \(granted) processors granted on \(own.host.name) are taken for hardware threads of \(own.coreCount) "
                + "cores; where they are cores, say so by --hosts"
        ]
    }

    private var limitNotes: [String] {
        guard let own = ownHost else { return [] }
        var notes = machine.limits.map { "note: on \(own.host.name): \($0)" }
        if request.sharesMachine(machine, plannedHosts) {
            notes.append(
                "note: \(own.coreCount) of the \(machine.coreCount) cores of \(own.host.name) were granted and nothing keeps "
                    + "other jobs off them: ranks are left unbound")
        }
        return notes
    }

    private var assumptionNotes: [String] {
        let assumed = plannedHosts.filter { $0.isAssumed && !$0.ranks.isEmpty }
        guard let first = assumed.first else { return [] }
        let cores =
            assumed.contains { $0.host.slots == nil && $0.host.grantedCores == nil } ? "cores and memory" : "memory"
        let others = assumed.count > 1 ? " and \(assumed.count - 1) more" : ""
        let unsure = binding == .none ? "" : "; where there are fewer cores, ranks share them"
        return [
            "note: the \(cores) nodes of \(first.host.name)\(others) are taken to be as on \(machine.hostName)\(unsure)"
        ]
    }

    private var idleNotes: [String] {
        guard idleCoreCount > 0 else { return [] }
        let room = plannedHosts.reduce(0) { $0 + $1.capacity(threads: threadsPerRank) }
        let whole = room * threadsPerRank
        var notes: [String] = []
        if room > ranks {
            notes.append(
                "\(idleCoreCount) core(s) stay idle: use more ranks (-n \(room)), or more --threads-per-rank")
        } else if coresOfHosts.reduce(0, +) > whole {
            notes.append(
                "\(idleCoreCount) core(s) stay idle: \(threadsPerRank) threads a rank do not divide the cores of a memory node"
            )
        }
        let unused = plannedHosts.filter(\.ranks.isEmpty).map(\.host.name)
        if let first = unused.first {
            let others = unused.count > 1 ? " and \(unused.count - 1) more" : ""
            notes.append("note: no rank runs on \(first)\(others)")
        }
        return notes
    }

    private var straddlingNotes: [String] {
        for host in plannedHosts {
            guard let index = host.coresOfRanks.firstIndex(where: { host.memoryNodes(of: $0).count > 1 }) else {
                continue
            }
            return [
                "warning: rank \(host.ranks.lowerBound + index) has cores of two memory nodes, and is slower for it: choose "
                    + "--threads-per-rank so that it divides the cores of a node, or fewer ranks"
            ]
        }
        return []
    }

    /// `alta-small` takes some 1.5 GB a rank, `alta-base` 2 to 5 (Docs/performance.md).
    private static let smallBytesPerRank = 1 << 30

    private var memoryNotes: [String] {
        guard let bytes = machine.memoryBytes, let own = ownHost, !own.ranks.isEmpty else { return [] }
        let share = bytes / own.ranks.count
        guard share < Self.smallBytesPerRank else { return [] }
        return [
            "warning: \(ByteCount.text(share)) of memory a rank on \(own.host.name): alta-small takes some 1.5 GB, alta-base "
                + "2 to 5 GB; use fewer ranks with more --threads-per-rank where it does not fit"
        ]
    }
}
