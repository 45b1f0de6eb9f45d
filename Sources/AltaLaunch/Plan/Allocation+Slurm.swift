import AltaCore

extension Allocation {
    static func slurm(_ environment: [String: String]) throws(AltaError) -> Allocation? {
        guard let job = environment["SLURM_JOB_ID"] ?? environment["SLURM_JOBID"],
            let list = environment["SLURM_JOB_NODELIST"] ?? environment["SLURM_NODELIST"]
        else { return nil }
        let names = try HostNames.expand(list, variable: "SLURM_JOB_NODELIST")
        let tasks = try counts("SLURM_TASKS_PER_NODE", environment, hosts: names.count)
        var cores = try counts("SLURM_JOB_CPUS_PER_NODE", environment, hosts: names.count)
        let eachTask = try counts("SLURM_CPUS_PER_TASK", environment, hosts: 1)?.first
        if cores == nil, let tasks, let eachTask { cores = tasks.map { $0 * eachTask } }
        let hosts = names.indices.map { index in
            ClusterHost(
                name: names[index], grantedCores: cores?[index], scheduledTasks: tasks?[index] ?? 1)
        }
        var allocation = Allocation(
            scheduler: .slurm, jobName: "Slurm job \(job)", hosts: hosts,
            tasks: AllocatedTasks(
                count: try askedTasks(environment, hosts: names.count), source: "--ntasks", processorsEach: eachTask))
        if isSlurmStep(environment), hosts.count > 1 {
            allocation.notes.append(
                "started inside a step of srun, which mpirun's own srun may have to wait for: use the shell of salloc, or "
                    + "srun --overlap")
        }
        return allocation
    }

    /// The tasks that were asked for. Slurm sets these variables only then; `SLURM_TASKS_PER_NODE` it sets always. In a step they
    /// are the step's.
    private static func askedTasks(_ environment: [String: String], hosts: Int) throws(AltaError) -> Int? {
        guard !isSlurmStep(environment) else { return nil }
        for variable in ["SLURM_NTASKS", "SLURM_NPROCS"] {
            if let count = try counts(variable, environment, hosts: 1)?.first { return count }
        }
        return try counts("SLURM_NTASKS_PER_NODE", environment, hosts: 1)?.first.map { $0 * hosts }
    }

    /// Numbers by host as Slurm writes them: `4(x3),2`; a number less than hosts is an error, one that stands alone is for all.
    static func counts(
        _ variable: String, _ environment: [String: String], hosts: Int
    ) throws(AltaError) -> [Int]? {
        guard let text = environment[variable], !text.isEmpty else { return nil }
        var counts: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "(", maxSplits: 1)
            let times = pieces.count == 2 ? Int(pieces[1].dropFirst().dropLast()) : 1
            let isWhole = pieces.count < 2 || (pieces[1].hasPrefix("x") && pieces[1].hasSuffix(")"))
            guard isWhole, let count = pieces.first.flatMap({ Int($0) }), let times,
                LaunchPlan.countRange.contains(count), (1...HostNames.limit).contains(times)
            else {
                throw AltaError(
                    "\(variable) is \(text)", why: "numbers by host read like 4(x3),2",
                    remedy: "give the hosts by --hosts")
            }
            counts += Array(repeating: count, count: min(times, hosts - counts.count + 1))
            if counts.count > hosts { break }
        }
        guard counts.count == hosts else {
            throw AltaError(
                "\(variable) is \(text)", why: "it does not count \(hosts) host(s), as SLURM_JOB_NODELIST does",
                remedy: "give the hosts by --hosts")
        }
        return counts
    }
}

/// Lists of hosts as Slurm writes them: `h[08-10,12],login1,rack[1-2]n[01-02]`.
enum HostNames {
    /// A list that names more hosts is none.
    static let limit = 1 << 16

    /// The names, in order.
    static func expand(_ list: String, variable: String) throws(AltaError) -> [String] {
        var names: [String] = []
        for part in parts(of: list) {
            guard let expanded = expand(part), names.count + expanded.count <= limit else {
                throw AltaError(
                    "\(variable) is \(list.prefix(200))", why: "'\(part.prefix(100))' names no hosts",
                    remedy: "a list of hosts reads like h[08-10,12],login1; give the hosts by --hosts")
            }
            names += expanded
        }
        guard !names.isEmpty else { throw AltaError("\(variable) names no host", remedy: "give the hosts by --hosts") }
        return names
    }

    /// The list at commas that stand outside of brackets.
    private static func parts(of list: String) -> [Substring] {
        var depth = 0
        return list.split(omittingEmptySubsequences: true) { character in
            if character == "[" { depth += 1 } else if character == "]" { depth -= 1 }
            return (character == "," && depth == 0) || character.isWhitespace
        }
    }

    /// One part, whose brackets multiply; nil: it is none.
    private static func expand(_ part: Substring) -> [String]? {
        guard let open = part.firstIndex(of: "[") else { return part.contains("]") ? nil : [String(part)] }
        guard let close = part.firstIndex(of: "]"), open < close, let numbers = numbers(part[open..<close].dropFirst()),
            let rests = close == part.indices.last ? [""] : expand(part[part.index(after: close)...]),
            numbers.count <= limit / rests.count
        else { return nil }
        return numbers.flatMap { number in rests.map { part[..<open] + number + $0 } }
    }

    /// What stands in brackets: `08-10,12`, zeros in front kept; nil: it is none.
    private static func numbers(_ text: Substring) -> [String]? {
        var numbers: [String] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = piece.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count <= 2, ends.allSatisfy({ $0.utf8.allSatisfy { 48...57 ~= $0 } }),
                let first = ends.first.flatMap({ Int($0) }), let last = ends.last.flatMap({ Int($0) }), first <= last,
                last - first < limit
            else { return nil }
            numbers += (first...last).map { number in
                let digits = String(number)
                return String(repeating: "0", count: max(0, ends[0].count - digits.count)) + digits
            }
            guard numbers.count <= limit else { return nil }
        }
        return numbers
    }
}
