/// How a worker is told that it is being debugged: variables of its environment, and files in a folder.
public enum DebugRequest {
    /// The number of ranks that are threads of one process, without MPI.
    public static let threadsVariable = "ALTA_RANKS_AS_THREADS"
    /// A process that finds it waits before anything else for a debugger, at most so many seconds; 0: without limit.
    public static let waitVariable = "ALTA_WAIT_FOR_DEBUGGER"
    /// The folder in which a waiting rank leaves the number of its process and looks for what lets it go.
    public static let folderVariable = "ALTA_DEBUG_FOLDER"
    /// The rank of a process, as Open MPI, MPICH and Slurm tell it before MPI is started.
    public static let rankVariables = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"]
    /// The file that lets every waiting rank go.
    public static let releaseFile = "release"

    /// The file in which a waiting rank writes the number of its process; gone once it goes on.
    public static func waitingFile(rank: Int) -> String { "rank-\(rank).waiting" }

    /// The file that lets one rank go.
    public static func releaseFile(rank: Int) -> String { "rank-\(rank).release" }

    /// The rank that an environment tells; nil: the process is no rank of a job over MPI.
    public static func rank(environment: [String: String]) -> Int? {
        rankVariables.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first
    }
}
