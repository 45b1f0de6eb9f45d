import AltaCore

/// What the system of the launcher's machine allows a job.
package enum LimitChecks {
    /// mpirun holds about five descriptors for each rank that it starts here, and one for each host.
    package static func openFiles(_ plan: LaunchPlan, _ probes: CheckProbes) -> CheckFinding {
        let name = "launcher's open files"
        let needed = 128 + 5 * (plan.ranksOfHosts.first ?? plan.ranks) + 2 * plan.hosts.count
        guard let limit = probes.limit(.openFiles) else { return .ok(name, "no limit") }
        guard limit < needed else { return .ok(name, "\(limit), of which mpirun needs about \(needed)") }
        return .failed(
            name, "\(limit), of which mpirun needs about \(needed)",
            remedy: "raise the limit: ulimit -n \(max(4096, needed)), or nofile in /etc/security/limits.conf")
    }

    /// Network cards of InfiniBand's kind read and write memory that is locked.
    package static func lockedMemory(hasFabric: Bool, _ probes: CheckProbes) -> CheckFinding {
        let name = "locked memory"
        guard let limit = probes.limit(.lockedBytes) else { return .ok(name, "no limit") }
        let text = "\(limit >> 10) KiB"
        guard hasFabric else { return .ok(name, "\(text); TCP and shared memory need none") }
        guard limit < smallLockedBytes else { return .ok(name, text) }
        return .note(
            name, "\(text), while InfiniBand needs memory that is locked",
            remedy: "set memlock to unlimited in /etc/security/limits.conf and for the batch system's daemon")
    }

    /// What InfiniBand's libraries lock for the queues of a few dozen partners.
    private static let smallLockedBytes = 64 << 20

    /// The tightest limit of this process's control group and of those around it.
    package static func memoryGroup(_ plan: LaunchPlan, _ probes: CheckProbes) -> CheckFinding {
        let name = "memory limit"
        let ranks = plan.ranksOfHosts.first ?? plan.ranks
        guard let limit = memoryLimit(probes) else { return .ok(name, "no limit of a control group") }
        let each = Double(limit) / Double(max(ranks, 1)) / 0x1p30
        return .ok(
            name, "a control group allows \(limit >> 20) MiB here, \(each.fixed(1)) GiB for each of \(ranks) rank(s)")
    }

    /// Bytes; nil: no limit.
    package static func memoryLimit(_ probes: CheckProbes) -> Int? {
        ControlGroup.current(read: probes.text).memoryLimitBytes
    }
}

/// Whether a fast network is there and Open MPI was told not to use it, as Debian's settings do.
package enum FabricCheck {
    static let name = "fast network"
    /// What counts as fast, Mbit/s.
    static let fastMegabits = 25_000
    private static let devices = "/sys/class/infiniband"
    private static let interfaces = "/sys/class/net"

    /// What this machine has, as a person names it: devices of InfiniBand's kind, then fast interfaces.
    package static func networks(_ probes: CheckProbes) -> (fabrics: [String], interfaces: [String]) {
        let fabrics = probes.names(devices).sorted().filter { device in
            let ports = probes.names("\(devices)/\(device)/ports")
            let states = ports.compactMap { probes.text("\(devices)/\(device)/ports/\($0)/state") }
            return states.isEmpty || states.contains { $0.contains("ACTIVE") }
        }
        let fast = probes.names(interfaces).sorted().compactMap { interface -> String? in
            guard let text = probes.text("\(interfaces)/\(interface)/speed"),
                let speed = Int(text.filter { !$0.isWhitespace }), speed >= fastMegabits
            else { return nil }
            return "\(interface) (\(speed / 1000) Gbit/s)"
        }
        return (fabrics, fast)
    }

    /// Fast networks against Open MPI's settings.
    package static func judge(_ probes: CheckProbes) -> CheckFinding {
        let (fabrics, fast) = networks(probes)
        guard !fabrics.isEmpty || !fast.isEmpty else { return .ok(name, "none on this machine: TCP and shared memory") }
        let there = (fabrics + fast).joined(separator: ", ")
        let settings = OpenMPISettings.read(probes)
        let hindered = [("pml", "ucx"), ("mtl", "ofi")].filter { settings.excludes($0.1, in: $0.0) }
        guard hindered.count == 2 else {
            let free = hindered.isEmpty ? "UCX and OFI" : hindered[0].1 == "ucx" ? "OFI" : "UCX"
            return .ok(name, "\(there); Open MPI may use \(free)")
        }
        let files = Set(hindered.compactMap { settings.sources[$0.0] }).sorted().joined(separator: ", ")
        let remedy =
            fabrics.isEmpty
            ? "TCP uses it, at the price of processor time; where the card has RDMA (RoCE, EFA), let UCX or OFI use it: "
                + "export OMPI_MCA_pml=ucx OMPI_MCA_osc=ucx"
            : "export OMPI_MCA_pml=ucx OMPI_MCA_osc=ucx, with UCX installed on every host; or load the cluster's own "
                + "Open MPI"
        return .note(
            name, "fast network left unused: \(there), while \(files) switches UCX and OFI off", remedy: remedy)
    }
}

/// Open MPI's parameters as files and environment set them; a later source wins.
package struct OpenMPISettings {
    package private(set) var values: [String: String] = [:]
    /// The file or variable that set each.
    package private(set) var sources: [String: String] = [:]

    /// The system's file, the user's, then the environment.
    package static func read(_ probes: CheckProbes) -> OpenMPISettings {
        var settings = OpenMPISettings()
        let home = probes.environment["HOME"].map { ["\($0)/.openmpi/mca-params.conf"] } ?? []
        for path in ["/etc/openmpi/openmpi-mca-params.conf"] + home {
            for line in (probes.text(path) ?? "").split(separator: "\n") {
                let parts = line.prefix { $0 != "#" }.split(separator: "=", maxSplits: 1).map {
                    $0.filter { !$0.isWhitespace }
                }
                if parts.count == 2 { settings.set(parts[0], parts[1], path) }
            }
        }
        for (name, value) in probes.environment where name.hasPrefix("OMPI_MCA_") {
            settings.set(String(name.dropFirst("OMPI_MCA_".count)), value, name)
        }
        return settings
    }

    private mutating func set(_ name: String, _ value: String, _ source: String) {
        values[name] = value
        sources[name] = source
    }

    /// Whether a framework was told to leave a component out: `^ucx`, or a list without it.
    package func excludes(_ component: String, in framework: String) -> Bool {
        guard let value = values[framework], !value.isEmpty else { return false }
        let names = value.drop { $0 == "^" }.split(separator: ",").map(String.init)
        return value.hasPrefix("^") == names.contains(component)
    }
}
