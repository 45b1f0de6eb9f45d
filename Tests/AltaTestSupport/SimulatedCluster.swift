import Foundation

/// Several hosts on this machine, made and ended by `Cluster/simulated-hosts`.
///
/// They end with this object, and with the process of the tests however that ends.
public final class SimulatedCluster {
    /// Exit code of the script where this machine cannot make hosts.
    private static let skipped: Int32 = 77
    private static let script = SharedMaterial.projectRoot.appending(path: "Cluster/simulated-hosts").path

    /// Why this machine cannot make hosts; nil: it can, or fails in another way, which tests shall show.
    public static let obstacle: String? = {
        guard JobRunner.hasLauncher else { return "jobs do not run on the MPI that alta-launch starts" }
        guard let outcome = try? RunningJob.start(script, ["with", "1", "true"]).finish(), outcome.exitCode == skipped
        else { return nil }
        return outcome.errors.trimmingCharacters(in: .whitespacesAndNewlines)
    }()

    /// The set's name, by which its hosts are told from those of other sets.
    public let name = "tests-\(getpid())-\(UUID().uuidString.prefix(8))"

    /// Makes the hosts h1 to hN.
    public init(hosts: Int) throws { try command("up", "\(hosts)", "--owner", "\(getpid())") }

    deinit { _ = try? outcome("down") }

    /// A host file of the hosts that are up.
    public func hostFile(slots: Int = 1) throws -> String {
        try command("hostfile", "\(slots)").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What runs on the hosts, a line each: host, process, command line.
    public func processes() throws -> [String] {
        try command("processes").split(separator: "\n").map(String.init)
    }

    /// Takes a host's network link down.
    public func cut(_ host: Int) throws { try command("cut", "\(host)") }

    /// Takes a host's network link up again.
    public func mend(_ host: Int) throws { try command("mend", "\(host)") }

    /// Ends a host, as a power failure does.
    public func lose(_ host: Int) throws { try command("lose", "\(host)") }

    /// Limits a host's link to so many Mbit/s in both directions.
    public func limit(_ host: Int, megabitsPerSecond: Int) throws {
        try command("rate", "\(host)", "\(megabitsPerSecond)")
    }

    /// Starts a program of the package where the hosts can be reached.
    public func start(_ program: String, _ arguments: [String]) throws -> RunningJob {
        try RunningJob.start(Self.script, ["--name", name, "run", JobRunner.program(program)] + arguments)
    }

    @discardableResult private func command(_ arguments: String...) throws -> String {
        let outcome = try outcome(arguments)
        guard outcome.exitCode == 0 else { throw Failure(arguments: arguments, errors: outcome.errors) }
        return outcome.output
    }

    private func outcome(_ arguments: String...) throws -> JobOutcome { try outcome(arguments) }

    // What `up` leaves on purpose is no remainder to wait for.
    private func outcome(_ arguments: [String]) throws -> JobOutcome {
        try RunningJob.start(Self.script, ["--name", name] + arguments).finish(graceSeconds: 0)
    }

    /// What the script said when it failed.
    private struct Failure: Error, CustomStringConvertible {
        let arguments: [String]
        let errors: String
        var description: String { "simulated-hosts \(arguments.joined(separator: " ")): \(errors)" }
    }
}
