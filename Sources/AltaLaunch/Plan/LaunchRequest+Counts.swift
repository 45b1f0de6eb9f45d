import AltaCore

extension LaunchRequest {
    func check() throws(AltaError) {
        for count in [ranks, ranksPerNode, threadsPerRank, minimumRanks] {
            if let count, !LaunchPlan.countRange.contains(count) {
                let range = LaunchPlan.countRange
                throw AltaError(
                    "\(count) ranks or threads are out of range",
                    remedy: "give a number from \(range.lowerBound) to \(range.upperBound)", exitCode: .usage)
            }
        }
        if hosts.isEmpty, let lost = lostHosts.first {
            throw AltaError(
                "no host is left", why: "\(lost) and all others are gone",
                remedy: "start the job again when they are back",
                exitCode: .stoppedEarly)
        }
        if ranks == nil, ranksPerNode == nil, hosts.isEmpty {
            throw AltaError("the number of ranks is missing", remedy: "give -n N", exitCode: .usage)
        }
    }

    /// The ranks of the job on these hosts.
    func rankCount(hosts: [PlannedHost], threads: Int) throws(AltaError) -> Int {
        if let ranks, let ranksPerNode, lostHosts.isEmpty, ranks > ranksPerNode * hosts.count {
            throw AltaError(
                "\(ranks) ranks do not fit", why: "\(hosts.count) host(s) with --nproc-per-node \(ranksPerNode)",
                remedy: "leave out -n, or raise --nproc-per-node", exitCode: .usage)
        }
        if let ranks, lostHosts.isEmpty { return ranks }
        let room = room(on: hosts, threads: threads)
        guard room > 0 else {
            throw AltaError(
                "no host has \(threads) cores", remedy: "give fewer --threads-per-rank, or the ranks by -n",
                exitCode: .usage)
        }
        let wanted = ranks ?? room
        let least = minimumRanks ?? (ranks == nil ? 1 : wanted)
        guard min(wanted, room) >= least else {
            throw AltaError(
                "\(room) ranks fit on the hosts that are left, fewer than \(least)",
                why: "gone: \(lostHosts.joined(separator: ", "))",
                remedy: "start the job again when they are back, or allow fewer ranks by --min-ranks",
                exitCode: .stoppedEarly)
        }
        return min(wanted, room)
    }

    /// The ranks that the hosts take: by their cores, or, where a count was given from the start, what it had put there.
    private func room(on hosts: [PlannedHost], threads: Int) -> Int {
        if let ranksPerNode { return ranksPerNode * hosts.count }
        let isBySlots = ranks != nil && threads == 1
        return hosts.reduce(0) { sum, host in
            sum + ((isBySlots ? host.host.slots : nil) ?? host.capacity(threads: threads))
        }
    }

    /// The ranks that each host takes before others get more.
    func limits(hosts: [PlannedHost], threads: Int, ranks: Int) -> [Int] {
        if let ranksPerNode { return hosts.map { _ in ranksPerNode } }
        if followsTasks, lostHosts.isEmpty { return Self.tasks(ranks, of: hosts) }
        let tidy = hosts.map { $0.capacity(threads: threads) }
        // Without a number of ranks they are as many as the cores: slots beyond those are no places.
        if threads == 1, self.ranks != nil { return zip(hosts, tidy).map { $0.host.slots ?? $1 } }
        return tidy.reduce(0, +) >= ranks ? tidy : hosts.map { $0.coreCount / threads }
    }

    /// Whether a scheduler granted a part of this machine without keeping its jobs off the other cores: mpirun would bind ranks
    /// to the first cores, as that of every other job there.
    func sharesMachine(_ machine: MachineDescription, _ hosts: [PlannedHost]) -> Bool {
        hosts.contains {
            $0.host.grantedCores != nil && machine.isCalled($0.host.name) && $0.coreCount < machine.coreCount
        }
    }
}
