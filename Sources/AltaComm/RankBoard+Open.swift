import AltaCore
import CAltaSystem
import Glibc

extension RankBoard {
    /// A board in memory of this process, for threads of one process and where nobody else looks.
    ///
    /// - Throws: `AltaError` where the system has no memory.
    public static func inMemory(rank: Int = 0, rankCount: Int = 1, host: String = "") throws -> RankBoard {
        let board = RankBoard(memory: try .anonymous(), path: nil, obstacle: nil)
        board.identify(rank: rank, rankCount: rankCount, host: host, job: 0)
        return board
    }

    /// A board in the folder that the environment names (`ALTA_STATUS_FOLDER`, else mpirun's own folder of the job on
    /// this host, which goes with the job), or in memory where there is none. Not collective; possible before MPI starts.
    ///
    /// No run ends because nobody can watch it: where the file cannot be made, `obstacle` says why.
    ///
    /// - Parameter rank: for ranks that are threads; nil: the environment tells.
    /// - Throws: `AltaError` where the system has no memory or no name.
    public static func open(environment: [String: String], rank: Int? = nil) throws -> RankBoard {
        try open(environment: environment, rank: rank) { alta_file_is_local($0) == 1 }
    }

    /// - Parameter isLocal: whether an open file's pages wait for no server; tests answer for file systems that they have not.
    package static func open(
        environment: [String: String], rank: Int? = nil, isLocal: (Int32) -> Bool
    ) throws -> RankBoard {
        let launched = LaunchedRank(environment)
        let rank = rank ?? launched.rank
        var board: RankBoard
        if let folder = launched.statusFolder {
            do { board = try make(folder: folder, rank: rank, isLocal: isLocal) } catch {
                board = RankBoard(memory: try .anonymous(), path: nil, obstacle: error)
            }
        } else {
            board = RankBoard(memory: try .anonymous(), path: nil, obstacle: nil)
        }
        board.identify(
            rank: rank, rankCount: launched.rankCount, host: try HostName.current(), job: launched.job)
        return board
    }

    private static func make(
        folder: String, rank: Int, isLocal: (Int32) -> Bool
    ) throws(AltaError) -> RankBoard {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
            throw AltaError.system("cannot make the folder of the ranks' statuses", file: folder)
        }
        let path = "\(folder)/\(RankStatusLayout.fileName(rank: rank))"
        let temporary = "\(path).\(getpid())"
        let descriptor = Glibc.open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AltaError.system("cannot make a rank's status", file: temporary) }
        do {
            // A page that the disk has no room for would be a bus error at the first touch.
            let code = posix_fallocate(descriptor, 0, off_t(RankStatusLayout.byteCount))
            guard code == 0 else {
                close(descriptor)
                throw AltaError.system("cannot make a rank's status", file: path, code: code)
            }
            // On a file system of this machine the file itself, so that what a rank that is killed said last is there; on
            // any other a copy of it, so that a store never waits for a server.
            let memory: BoardMemory =
                try isLocal(descriptor) ? .mapped(descriptor, path: path) : .anonymous(copiedTo: descriptor)
            guard rename(temporary, path) == 0 else {
                throw AltaError.system("cannot make a rank's status", file: path)
            }
            return RankBoard(memory: memory, path: path, obstacle: nil)
        } catch {
            unlink(temporary)
            throw (error as? AltaError) ?? AltaError("\(error)", file: path)
        }
    }
}

/// What the launcher of a process says about its place in the job, before MPI starts.
public struct LaunchedRank: Sendable, Equatable {
    /// The rank; 0 where nobody says.
    public let rank: Int
    /// The number of ranks; 0 where nobody says.
    public let rankCount: Int
    /// The number of ranks on this host; 0 where nobody says.
    public let localRankCount: Int
    /// Tells the jobs apart; 0 where nobody says.
    public let job: UInt64
    /// Where statuses are kept; nil: nowhere.
    public let statusFolder: String?

    /// From the variables of Open MPI, else of MPICH and Slurm (`DebugRequest.rankVariables`).
    public init(_ environment: [String: String]) {
        func first(_ names: [String]) -> Int? { names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first }
        rank = max(DebugRequest.rank(environment: environment) ?? 0, 0)
        rankCount = max(first(["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"]) ?? 0, 0)
        localRankCount = max(first(["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"]) ?? 0, 0)
        let name = ["PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "PMI_JOBID"].lazy.compactMap { environment[$0] }.first
        var hash = StableHash()
        if let name { hash.combine(name) }
        job = name == nil ? 0 : hash.value
        if let folder = environment[RankStatus.folderVariable], !folder.isEmpty {
            statusFolder = folder
        } else {
            statusFolder = environment["PMIX_SERVER_TMPDIR"].map { "\($0)/alta-status" }
        }
    }
}
