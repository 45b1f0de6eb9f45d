import AltaCore
import Foundation

/// A parameter of Open MPI, handed on as `--mca NAME VALUE`.
public struct MPIParameter: Equatable, Sendable {
    /// The name, as `btl_tcp_if_include`.
    public var name: String
    /// The value.
    public var value: String

    /// Stores a parameter.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    var arguments: [String] { ["--mca", name, value] }
}

/// What the user asked for, and where.
public struct LaunchRequest: Equatable, Sendable {
    /// Ranks of the job; nil: `ranksPerNode` on every host, else the tasks that an allocation was asked for with, else as many as
    /// the cores of an allocation or host file take.
    public var ranks: Int?
    /// Ranks on each host; nil: hosts are filled one after the other.
    public var ranksPerNode: Int?
    /// Threads of each rank; nil: 1.
    public var threadsPerRank: Int?
    /// The host file, as given; nil: this machine, or a scheduler's hosts.
    public var hostFile: String?
    /// The hosts that the host file or the scheduler names; empty: this machine.
    public var hosts: [ClusterHost] = []
    /// Who granted the hosts; nil: nobody, they are this machine or the host file's.
    public var scheduler: Scheduler?
    /// The tasks that the scheduler's user asked for; nil: the hosts are not a scheduler's.
    public var tasks: AllocatedTasks?
    /// Whether the ranks are those tasks, dealt to the hosts as the scheduler dealt them.
    var followsTasks = false
    /// What a person should know of the hosts, a sentence each.
    public var hostNotes: [String] = []
    /// Names of hosts that are gone and were taken out of `hosts`.
    public var lostHosts: [String] = []
    /// The fewest ranks to go on with when hosts are gone; nil: all that were asked for.
    public var minimumRanks: Int?
    /// Whether ranks may be bound to cores where that fits.
    public var mayBind = true
    /// Parameters for Open MPI that a site needs; they win over the launcher's own.
    public var parameters: [MPIParameter] = []
    /// Further arguments for mpirun, as they stand.
    public var mpirunOptions: [String] = []
    /// The folder in which ranks of several hosts start; nil: mpirun's choice.
    public var workingFolder: String?
    /// Variables that ranks on other hosts get as the launcher has them.
    public var forwardedVariables: [String] = []

    /// A request for ranks on this machine.
    public init(ranks: Int? = nil, ranksPerNode: Int? = nil, threadsPerRank: Int? = nil) {
        self.ranks = ranks
        self.ranksPerNode = ranksPerNode
        self.threadsPerRank = threadsPerRank
    }

    /// The request with its hosts found, in the environment of this process.
    ///
    /// - Throws: as `located(environment:workingFolder:read:)`.
    public func located() throws(AltaError) -> LaunchRequest {
        try located(
            environment: ProcessInfo.processInfo.environment, workingFolder: FileManager.default.currentDirectoryPath)
    }

    /// The request with its hosts found: from the host file (else Open MPI's standing one), else from a scheduler's allocation, else this machine.
    ///
    /// - Parameters:
    ///   - workingFolder: the launcher's own.
    ///   - read: the text of a file that the environment names; nil where it cannot be read.
    /// - Throws: `AltaError` for a host file or an allocation that cannot be understood, and where `srun` or `mpirun` started
    ///   the launcher once a task.
    public func located(
        environment: [String: String], workingFolder: String,
        read: (String) -> String? = SystemFile.textIfPresent
    ) throws(AltaError) -> LaunchRequest {
        try Allocation.checkStartedOnce(environment: environment)
        var copy = self
        copy.workingFolder = workingFolder
        copy.forwardedVariables = environment.keys.filter { name in
            name.hasPrefix("ALTA_") || name.hasPrefix("MALLOC_") || name == "LD_LIBRARY_PATH"
        }.sorted()
        // mpirun would take this one by itself, as in an MPIJob of Kubernetes.
        let standing = environment["OMPI_MCA_orte_default_hostfile"].flatMap { $0.isEmpty ? nil : $0 }
        if let hostFile = hostFile ?? standing {
            copy.hostFile = hostFile
            copy.hosts = try ClusterHost.load(hostFile: hostFile)
            if let allocation = try? Allocation.find(environment: environment, read: read) { copy.note(allocation) }
        } else if let allocation = try Allocation.find(environment: environment, read: read) {
            copy.hosts = allocation.hosts
            copy.scheduler = allocation.scheduler
            copy.tasks = allocation.tasks
            copy.hostNotes = ["hosts of \(allocation.jobName)"] + allocation.notes
        }
        return copy
    }

    /// The request for this machine alone, whatever hosts a scheduler or Open MPI's standing host file names, as for debugging.
    ///
    /// - Throws: a usage error where `srun` or `mpirun` started the launcher once a task.
    func onThisMachine(environment: [String: String]) throws(AltaError) -> LaunchRequest {
        try Allocation.checkStartedOnce(environment: environment)
        var copy = self
        copy.hostFile = nil
        // A count of the scheduler's would be another than the ranks, so that mpirun is kept from it.
        copy.hosts = [ClusterHost(name: "localhost", slots: ranks, scheduledTasks: 0)]
        let allocation = try? Allocation.find(environment: environment, read: SystemFile.textIfPresent)
        copy.scheduler = allocation?.scheduler
        return copy
    }

    /// The user's own choice of hosts inside an allocation: how many ranks mpirun would put there by itself.
    private mutating func note(_ allocation: Allocation) {
        scheduler = allocation.scheduler
        for index in hosts.indices {
            hosts[index].scheduledTasks = allocation.hosts.first { $0.name == hosts[index].name }?.scheduledTasks
        }
    }

    /// The request without hosts that are gone, for a job that goes on without them: with fewer ranks where those that are
    /// left do not take all, but not fewer than `minimumRanks`. Hosts that it does not know are ignored.
    public func without(hosts gone: some Sequence<String>) -> LaunchRequest {
        let gone = Set(gone)
        var copy = self
        copy.lostHosts += hosts.map(\.name).filter(gone.contains)
        copy.hosts = hosts.filter { !gone.contains($0.name) }
        return copy
    }
}
