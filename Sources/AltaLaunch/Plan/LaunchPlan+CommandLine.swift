import AltaCore

extension LaunchPlan {
    /// The variables that every rank gets, on every host.
    ///
    /// - Parameters:
    ///   - failureFolder: where a failing rank leaves its `FailureRecord`.
    ///   - progress: `terminal` (a line that is rewritten) or `lines`.
    public func environment(failureFolder: String, progress: String) -> [(name: String, value: String)] {
        let threads = String(threadsPerRank)
        return [
            ("ALTA_LAUNCHED", "1"), ("ALTA_PROGRESS", progress), ("ALTA_THREADS", threads),
            (FailureRecord.folderVariable, failureFolder), ("OMP_NUM_THREADS", threads),
            ("OPENBLAS_NUM_THREADS", threads),
            // Threads that spin while they wait fall to a twentieth of their speed beside one busy neighbour.
            ("OMP_WAIT_POLICY", "passive"),
        ]
    }

    /// The argument list of mpirun (Open MPI 4.1), itself first. No shell ever sees it.
    public func arguments(
        mpirun: String, environment: [(name: String, value: String)], worker: String, workerArguments: [String]
    ) -> [String] {
        var list = [mpirun]
        if isRoot { list.append("--allow-run-as-root") }
        if let hostFile { list += ["--hostfile", hostFile] }
        list += ["-n", String(ranks)]
        if isOversubscribed { list.append("--oversubscribe") }
        list += placement
        list.append("--tag-output")
        list += parameters.flatMap(\.arguments)
        for (name, value) in environment { list += ["-x", "\(name)=\(value)"] }
        if hasOtherHosts {
            let told = Set(environment.map(\.name))
            for name in request.forwardedVariables where !told.contains(name) { list += ["-x", name] }
            if let folder = request.workingFolder { list += ["--wdir", folder] }
        }
        return list + request.mpirunOptions + [worker] + workerArguments
    }

    /// The argument list of mpirun that starts a program once on each of some hosts, as the job's own ranks are started: by the
    /// same agent, with the same parameters and options.
    package func probeArguments(mpirun: String, hosts: [String], program: [String]) -> [String] {
        var list = [mpirun]
        if isRoot { list.append("--allow-run-as-root") }
        if hasOtherHosts { list += ["--host", hosts.joined(separator: ",")] }
        list += ["-n", String(hosts.count)]
        // What mpirun tells of its states would stand between the agent's own words.
        list += parameters.filter { $0 != Self.stateReports }.flatMap(\.arguments) + request.mpirunOptions
        if hosts.count > 1 { list += ["--map-by", "ppr:1:node"] }
        return list + ["--bind-to", "none"] + program
    }

    /// mpirun's closing message, which names the rank that died, is lost in some runs; its state report never is.
    private static let stateReports = MPIParameter(name: "state_base_verbose", value: "1")

    /// Whether ranks run on other machines than the launcher.
    var hasOtherHosts: Bool { plannedHosts.contains { !$0.ranks.isEmpty && !machine.isCalled($0.host.name) } }

    private var placement: [String] {
        guard binding != .none else { return (hosts.count > 1 ? ["--map-by", "slot"] : []) + ["--bind-to", "none"] }
        let cores = ":PE=\(threadsPerRank)"
        // A host that was never seen may have fewer cores than slots, as where those count hardware threads: mpirun would start
        // nothing. So told, it binds more ranks to a core there, and as ever elsewhere.
        let isSeen = plannedHosts.allSatisfy { !$0.isAssumed || $0.ranks.isEmpty }
        let core = isSeen ? "core" : "core:overload-allowed"
        switch mapping {
        case .inOrder: return ["--map-by", "slot" + cores, "--bind-to", core]
        case .byMemoryNode: return ["--map-by", "numa" + cores, "--rank-by", "core", "--bind-to", core]
        case .listed: return ["--rankfile", rankFile ?? Self.rankFileName]
        }
    }

    /// Open MPI's parameters; mpirun refuses one that is given twice.
    private var parameters: [MPIParameter] {
        var own: [MPIParameter] = []
        // With enough slots mpirun does not notice that cores are shared; waiting ranks would then spin on them.
        if isOversubscribed { own.append(MPIParameter(name: "mpi_yield_when_idle", value: "1")) }
        own.append(Self.stateReports)
        if leavesSchedulersSlots, let scheduler = request.scheduler { own += scheduler.ownSlotsOptions }
        if hasOtherHosts { own += Self.lostHostParameters }
        return own.filter { parameter in !request.parameters.contains { $0.name == parameter.name } }
            + request.parameters
    }

    /// A host that stops answering is noticed after 3 + 5 x 1 s; Open MPI's own 300 + 9 x 20 s leave all others spinning.
    private static let lostHostParameters = [
        MPIParameter(name: "oob_tcp_keepalive_time", value: "3"),
        MPIParameter(name: "oob_tcp_keepalive_intvl", value: "1"),
        MPIParameter(name: "oob_tcp_keepalive_probes", value: "5"),
    ]
}

/// One argument list as a line that a POSIX shell reads back as the same list.
public func shellQuoted(_ arguments: [String]) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%")
    return arguments.map { argument in
        if !argument.isEmpty && argument.allSatisfy(plain.contains) { return argument }
        return "'" + argument.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }.joined(separator: " ")
}
