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
        // With enough slots mpirun does not notice that cores are shared; waiting ranks would then spin on them.
        if isOversubscribed { list += ["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"] }
        list += placement
        list.append("--tag-output")
        // mpirun's closing message, which names the rank that died, is lost in some runs; its state report never is.
        list += ["--mca", "state_base_verbose", "1"]
        for (name, value) in environment { list += ["-x", "\(name)=\(value)"] }
        return list + [worker] + workerArguments
    }

    private var placement: [String] {
        let map = ranksPerNode.map { "ppr:\($0):node" }
        switch binding {
        case .core: return (map.map { ["--map-by", $0] } ?? []) + ["--bind-to", "core"]
        case .cores(let count): return ["--map-by", "\(map ?? "slot"):PE=\(count)"]
        case .none: return (map.map { ["--map-by", $0] } ?? []) + ["--bind-to", "none"]
        }
    }
}

/// One argument list as a line that a POSIX shell reads back as the same list.
public func shellQuoted(_ arguments: [String]) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%")
    return arguments.map { argument in
        if !argument.isEmpty && argument.allSatisfy(plain.contains) { return argument }
        return "'" + argument.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }.joined(separator: " ")
}
