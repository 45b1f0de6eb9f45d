import AltaCore

/// Whether the programs of a job are there, in versions that are known to work.
package enum ProgramChecks {
    /// mpirun: found, of Open MPI, 4.1.
    ///
    /// - Parameter path: nil: it was not found.
    /// - Throws: where this process was told to stop.
    package static func mpirun(_ path: String?, _ probes: CheckProbes) throws -> CheckFinding {
        let name = "mpirun"
        guard let path else {
            return .failed(
                name, "it is in no folder of PATH",
                remedy: "run Cluster/setup, or load your cluster's Open MPI module")
        }
        let outcome: ProbeOutcome?
        do {
            outcome = try probes.run([path, "--version"], 20)
        } catch let error as AltaError where error.exitCode == .stoppedEarly {
            throw error
        } catch {
            outcome = nil
        }
        guard let outcome, outcome.status == 0 else {
            return .failed(name, "\(path) --version fails", remedy: "install Open MPI 4.1 anew, or load its module")
        }
        return judge(outcome.lines, path: path)
    }

    /// What mpirun's words on its version say.
    package static func judge(_ lines: [String], path: String) -> CheckFinding {
        let name = "mpirun"
        let text = lines.joined(separator: " ")
        let first = lines.first ?? "nothing"
        if ["MPICH", "HYDRA", "Intel(R) MPI"].contains(where: text.contains) {
            return .failed(
                name, "\(path) is not Open MPI's: \(first)",
                remedy: "put Open MPI's bin folder first in PATH (Debian: update-alternatives --config mpirun)")
        }
        // "mpirun (Open MPI) 4.1.4", under Debian's name "mpirun.openmpi (OpenRTE) 4.1.4"; 5: "mpirun (Open MPI) 5.0.3".
        let marks = ["(Open MPI) ", "(OpenRTE) "]
        let start = marks.lazy.compactMap { text.firstRange(of: $0)?.upperBound }.first
        let version = start.map { text[$0...].prefix { $0 != " " } } ?? ""
        if version.hasPrefix("4.1.") { return .ok(name, "Open MPI \(version), \(path)") }
        if version.isEmpty {
            return .note(
                name, "\(path) does not say that it is Open MPI's: \(first)",
                remedy: "use Open MPI 4.1, with which this was tested")
        }
        return .note(
            name,
            "Open MPI \(version), \(path): tested with 4.1 alone"
                + (version.hasPrefix("5.") ? "; 5 places ranks and says of their ends in other ways" : ""),
            remedy: "use Open MPI 4.1, or look at the plan (--dry-run) and at a short job first")
    }

    /// The program of a rank.
    package static func worker(_ path: String, isThere: Bool) -> CheckFinding {
        isThere
            ? .ok("worker", path)
            : .failed("worker", "\(path) was not found", remedy: "build it: swift build -c release, or give --worker")
    }

    /// Ranks and threads against slots and cores.
    package static func slots(_ plan: LaunchPlan) -> CheckFinding {
        let slots = plan.hosts.indices.reduce(0) { $0 + (plan.hosts[$1].slots ?? plan.coresOfHosts[$1]) }
        let crowded = plan.coresOfHosts.indices.filter {
            plan.ranksOfHosts[$0] * plan.threadsPerRank > plan.coresOfHosts[$0]
        }
        guard let index = crowded.first else {
            return .ok("slots", "\(plan.ranks) of \(slots); \(plan.summary)")
        }
        return .note(
            "slots",
            "\(plan.ranksOfHosts[index] * plan.threadsPerRank) threads on the \(plan.coresOfHosts[index]) cores of "
                + "\(plan.hosts[index].name)\(crowded.count > 1 ? " and \(crowded.count - 1) more host(s) like it" : "")",
            remedy: "start fewer ranks, or more hosts: threads that share a core wait for each other")
    }

    /// Whether mpirun must be told that root is meant.
    package static func root(_ plan: LaunchPlan) -> CheckFinding {
        plan.isRoot
            ? .ok("root", "running as root, which mpirun is told is meant") : .ok("root", "running as an ordinary user")
    }
}
