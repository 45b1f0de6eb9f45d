import AltaCore

/// Finds out which hosts still take ranks, by starting a program on each: over the same launch agent, with the same
/// daemon calling back, as a job's ranks are started.
struct HostProbe {
    let mpirun: String
    /// The job's plan, with its hosts and the parameters that its mpirun got.
    let plan: LaunchPlan
    let signals: SignalSource
    /// How long a host may take to answer.
    var limitSeconds = 15.0

    /// What was found.
    struct Found {
        /// The hosts that do not answer, this machine aside.
        var silent: [String] = []
        /// The signal that came meanwhile and asks for the end; nothing is known of the hosts then.
        var signal: Int32?
    }

    /// Asks the hosts of the plan, some at once; takes at most `limitSeconds` for every 16 that do not answer.
    ///
    /// Call it on the main thread, with no job under way: whatever is left of a host that does not answer is killed.
    /// - Throws: `AltaError` where mpirun cannot be started here, which says nothing of the hosts.
    func run() throws(AltaError) -> Found {
        let names = plan.hosts.map(\.name).filter { !plan.machine.isCalled($0) }
        let asked = names.map { plan.probeArguments(mpirun: mpirun, hosts: [$0], program: ["true"]) }
        let ended = try ParallelPrograms(signals: signals, limitSeconds: limitSeconds).run(asked)
        if let signal = ended.signal { return Found(signal: signal) }
        return Found(silent: zip(names, ended.outcomes).filter { $1.status != 0 }.map(\.0))
    }
}
