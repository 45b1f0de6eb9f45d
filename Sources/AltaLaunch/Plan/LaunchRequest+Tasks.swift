import AltaCore

extension LaunchRequest {
    /// The request with what a scheduler's user asked for: where it has no number of ranks, the tasks are the ranks; where it
    /// has no number of threads either, theirs are the processors of a task, else the cores that there are for each.
    func takingTasks(on hosts: [PlannedHost], threadsOfCore: Int) -> LaunchRequest {
        guard let tasks, let scheduler, lostHosts.isEmpty, !followsTasks else { return self }
        var copy = self
        guard ranks == nil, ranksPerNode == nil, let count = tasks.count else {
            if ranks == nil, ranksPerNode == nil {
                copy.hostNotes.append(
                    "no number of tasks is known of \(scheduler.rawValue): cores decide on the ranks")
            }
            if threadsPerRank == nil, let each = tasks.processorsEach, each > 1 {
                copy.hostNotes.append(
                    "--cpus-per-task=\(each) sets no threads without --ntasks, or with -n: give --threads-per-rank for "
                        + "ranks of several")
            }
            return copy
        }
        copy.ranks = count
        copy.followsTasks = true
        let dealt = Self.tasks(count, of: hosts)
        var threads = "as --threads-per-rank says"
        if threadsPerRank == nil {
            copy.threadsPerRank = Self.threads(tasks, on: hosts, dealt, threadsOfCore: threadsOfCore)
            threads = tasks.processorsEach.map { "of --cpus-per-task=\($0)" } ?? "of the cores that there are for each"
        }
        let each = copy.threadsPerRank ?? 1
        copy.hostNotes.append(
            "ranks are the tasks that \(scheduler.rawValue) was asked for (\(tasks.source)): \(count), with \(each) "
                + "thread\(each == 1 ? "" : "s") each, \(threads)")
        return copy
    }

    /// The tasks of each host: as the scheduler dealt them, where it counts all of them, else evenly.
    static func tasks(_ count: Int, of hosts: [PlannedHost]) -> [Int] {
        let dealt = hosts.map { $0.host.scheduledTasks ?? 1 }
        guard dealt.reduce(0, +) != count else { return dealt }
        return hosts.indices.map { count / hosts.count + ($0 < count % hosts.count ? 1 : 0) }
    }

    /// Processors of a task are cores where there are enough of them, else hardware threads. Cores are shared out so that no rank
    /// lies on two memory nodes.
    private static func threads(
        _ tasks: AllocatedTasks, on hosts: [PlannedHost], _ dealt: [Int], threadsOfCore: Int
    ) -> Int {
        let pairs = zip(hosts, dealt).filter { $1 > 0 }
        if let each = tasks.processorsEach {
            return pairs.allSatisfy { each * $1 <= $0.coreCount } ? each : max(1, each / threadsOfCore)
        }
        let most = max(1, pairs.map { $0.coreCount / $1 }.min() ?? 1)
        return (1...most).last { threads in pairs.allSatisfy { $0.capacity(threads: threads) >= $1 } } ?? 1
    }
}
