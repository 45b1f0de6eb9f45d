import AltaCore

/// Whether the hosts of a plan have names that are known, and run what they are told to.
package struct HostChecks {
    let plan: LaunchPlan
    let mpirun: String
    let probes: CheckProbes
    /// How long what is not there yet is waited for, seconds, for each of the two questions.
    let waitSeconds: Double

    /// Stores the parts.
    package init(plan: LaunchPlan, mpirun: String, probes: CheckProbes, waitSeconds: Double) {
        self.plan = plan
        self.mpirun = mpirun
        self.probes = probes
        self.waitSeconds = waitSeconds
    }

    static let names = "host names"
    static let agent = "launch agent"
    /// How long one start on all hosts may take: ssh gives up by itself, but late.
    private static let togetherSeconds = 15.0
    /// How long a host may take by itself; one that hangs is then named within 30 s.
    private static let aloneSeconds = 10.0
    /// How long all may take together where each answered by itself.
    private static let patientSeconds = 60.0

    /// What was found.
    package struct Found: Equatable {
        /// In order.
        package var findings: [CheckFinding] = []
        /// Whether ranks can be started.
        package var isReady = true
    }

    /// Asks for names first, and then has every host say its own.
    package func run() throws -> Found {
        var found = Found()
        let unknown = try unresolved()
        found.findings.append(judge(unresolved: unknown))
        guard unknown.isEmpty || ownAgent != nil else {
            found.findings.append(.note(Self.agent, "not tried: host names come first"))
            found.isReady = false
            return found
        }
        let silent = try Retry(limitSeconds: waitSeconds).until(probes) {
            try unreachable(plan.hosts.map(\.name))
        } waiting: { silent, passed in
            tell("\(Self.agent): \(list(silent.map(\.host))) does not start a program yet", passed)
        }
        found.findings += judge(unreachable: silent)
        found.isReady = silent.isEmpty
        return found
    }

    // MARK: Names

    /// What starts programs on hosts instead of ssh; it may know hosts by other means than their names.
    private var ownAgent: String? {
        let given = plan.request.parameters.last { $0.name == "plm_rsh_agent" }?.value
        let agent = given ?? probes.environment["OMPI_MCA_plm_rsh_agent"]
        return agent.flatMap { $0 == "ssh" || $0.isEmpty ? nil : $0 }
    }

    /// The hosts whose names are not known after all the time there is; this machine needs no name.
    private func unresolved() throws -> [String] {
        var open = plan.hosts.map(\.name).filter { !plan.machine.isCalled($0) }
        guard !open.isEmpty else { return [] }
        return try Retry(limitSeconds: ownAgent == nil ? waitSeconds : 0).until(probes) {
            open = open.filter { !probes.resolves($0) }
            return open
        } waiting: { unknown, passed in
            tell("\(Self.names): \(list(unknown)) not known yet", passed)
        }
    }

    private func judge(unresolved unknown: [String]) -> CheckFinding {
        guard plan.hasOtherHosts else { return .ok(Self.names, "this machine alone") }
        if let ownAgent, !unknown.isEmpty {
            return .note(Self.names, "\(list(unknown)) not known here, which \(ownAgent) may not need")
        }
        guard unknown.isEmpty else {
            return .failed(
                Self.names, "\(list(unknown)) still not known after \(waitSeconds.fixed(0)) s",
                remedy:
                    "correct the host file, add the names to DNS or /etc/hosts, or give pods more time with --wait SECONDS",
                isTransient: true)
        }
        return .ok(Self.names, "all \(plan.hosts.count) hosts are known")
    }

    // MARK: The launch agent

    /// A host on which nothing could be started, and what mpirun said of it.
    struct Silent: Equatable {
        var host: String
        var said: String
    }

    /// The hosts on which no program starts: all are asked together first, and by themselves where that fails.
    func unreachable(_ hosts: [String]) throws -> [Silent] {
        let together = try probes.run(arguments(hosts), Self.togetherSeconds)
        if together.status == 0 { return [] }
        guard hosts.count > 1 else {
            return [Silent(host: hosts[0], said: Self.reason(together, limitSeconds: Self.togetherSeconds))]
        }
        let outcomes = try probes.runBeside(hosts.map { arguments([$0]) }, Self.aloneSeconds)
        let found = zip(hosts, outcomes).filter { $1.status != 0 }.map { host, outcome in
            Silent(host: host, said: Self.reason(outcome, limitSeconds: Self.aloneSeconds))
        }
        // Each by itself went well: then it was passing, or it is the number of hosts.
        return found.isEmpty ? try unreachableTogether(hosts) : found
    }

    private func unreachableTogether(_ hosts: [String]) throws -> [Silent] {
        let outcome = try probes.run(arguments(hosts), Self.patientSeconds)
        if outcome.status == 0 { return [] }
        return [
            Silent(
                host: "all \(hosts.count) hosts together",
                said: Self.reason(outcome, limitSeconds: Self.patientSeconds))
        ]
    }

    /// mpirun with one `hostname` on each host.
    package func arguments(_ hosts: [String]) -> [String] {
        plan.probeArguments(mpirun: mpirun, hosts: hosts, program: ["hostname"])
    }

    /// The line that says most: the agent's own, else mpirun's first sentence.
    static func reason(_ outcome: ProbeOutcome, limitSeconds: Double) -> String {
        guard outcome.status != nil else { return "no answer within \(limitSeconds.fixed(0)) s" }
        let marks = [
            "ssh: ", "Permission denied", "Host key verification", "not found", "No route", "timed out", "refused",
        ]
        if let line = outcome.lines.first(where: { line in marks.contains(where: line.contains) }) { return line }
        return MpirunMessages(lines: outcome.lines.filter { !$0.isEmpty }).firstSentence
            ?? "mpirun ended with \(outcome.status ?? -1)"
    }

    private func judge(unreachable silent: [Silent]) -> [CheckFinding] {
        guard !silent.isEmpty else {
            let hosts = plan.hosts.count == 1 ? plan.hosts[0].name : "\(plan.hosts.count) hosts"
            return [.ok(Self.agent, "mpirun starts programs on \(hosts)")]
        }
        return silent.prefix(16).map { silent in
            let (remedy, isLasting) = Self.remedy(for: silent)
            return .failed(
                Self.agent, "no program starts on \(silent.host): \(silent.said)", remedy: remedy,
                isTransient: !isLasting)
        }
    }

    /// What to do about it, and whether waiting is in vain.
    private static func remedy(for silent: Silent) -> (String, isLasting: Bool) {
        if silent.said.contains("Permission denied") {
            return ("set up ssh keys: `ssh \(silent.host) true` must work without a password", true)
        }
        if silent.said.contains("Host key verification") {
            return ("add the host's key to ~/.ssh/known_hosts: `ssh-keyscan \(silent.host)`", true)
        }
        if silent.said.contains("not found") {
            return (
                "install the same Open MPI there under the same path, and ssh or the agent of plm_rsh_agent here", true
            )
        }
        return (
            "see that `ssh \(silent.host) true` works (or the agent in OMPI_MCA_plm_rsh_agent), or give it more time with "
                + "--wait SECONDS", false
        )
    }

    // MARK: Text

    private func list(_ names: [String]) -> String {
        names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
    }

    private func tell(_ text: String, _ passed: Double) {
        probes.tell("waiting for \(text) (\(passed.fixed(0)) of \(waitSeconds.fixed(0)) s)")
    }
}
