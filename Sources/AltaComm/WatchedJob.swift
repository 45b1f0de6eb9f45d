import AltaCore

/// One rank of a job and all that watches it: a board that tells what it does, collectives that write on it, and a thread
/// beside it that looks for stalls.
///
/// Serves one thread at a time, as collectives do.
public final class WatchedRank {
    /// What the rank does, as others see it.
    public let board: RankBoard
    /// The ranks of the job.
    public let collectives: WatchedCollectives
    private let statuses: any StatusSource
    private let leaveJob: () throws -> Void

    /// Tells who the rank is, now that the job has started. Not collective.
    init(
        _ ranks: any Collectives, board: RankBoard, statuses: (any StatusSource)? = nil,
        environment: [String: String], leave: @escaping () throws -> Void
    ) {
        board.identify(
            rank: ranks.rank, rankCount: ranks.rankCount, host: ranks.hostName, job: LaunchedRank(environment).job)
        self.board = board
        self.statuses = statuses ?? board.statusesBeside(environment)
        collectives = WatchedCollectives(CheckedCollectives.asked(environment, ranks), board: board)
        leaveJob = leave
    }

    /// What a rank of the job said last; nil: this process cannot see it. Not collective.
    public func status(of rank: Int) -> RankStatus? { statuses.status(of: rank) }

    /// Leaves the job in good order. Collective.
    public func leave() throws { try collectives.leaving(leaveJob) }
}

/// Joins a job so that every rank of it is watched from before its start.
public struct WatchedJob: Sendable {
    private let environment: [String: String]
    private let say: @Sendable (String) -> Void
    private let exit: @Sendable (Int32) -> Void

    /// - Parameters:
    ///   - say: prints a line on standard error.
    ///   - exit: ends this process at once, where its job has stalled.
    public init(
        environment: [String: String], say: @escaping @Sendable (String) -> Void,
        exit: @escaping @Sendable (Int32) -> Void
    ) {
        self.environment = environment
        self.say = say
        self.exit = exit
    }

    /// Starts MPI: this process is one rank. Collective, over all processes of the job.
    ///
    /// - Parameter beforeMPI: what is to happen once the rank has a board and before MPI starts.
    /// - Throws: `AltaError` where the environment asks for nonsense or MPI cannot start.
    public func startProcess(beforeMPI: () throws -> Void = {}) throws -> WatchedRank {
        // Before MPI starts, so that a rank that never gets there is known by its board.
        let board = try RankBoard.open(environment: environment)
        try watch(board, seenIn: nil)
        try beforeMPI()
        let ranks = try board.joining { try MPICollectives.start() }
        return WatchedRank(ranks, board: board, environment: environment, leave: ranks.finalize)
    }

    /// Runs each rank of a job in a thread of this process; they see one another's boards. Not collective: the caller is
    /// no rank, and waits for all of them.
    ///
    /// - Returns: what each rank returned, `[R]`.
    /// - Throws: the error that was thrown first.
    public func runThreads<T: Sendable>(
        rankCount: Int, _ body: @escaping @Sendable (WatchedRank) throws -> T
    ) throws -> [T] {
        let boards = BoardStatuses()
        return try ThreadCollectives.run(rankCount: rankCount) { ranks in
            let board = try RankBoard.open(environment: environment, rank: ranks.rank)
            boards.add(board, rank: ranks.rank)
            try watch(board, seenIn: boards)
            return try body(
                WatchedRank(
                    ranks, board: board, statuses: boards, environment: environment, leave: ranks.barrier))
        }
    }

    private func watch(_ board: RankBoard, seenIn boards: BoardStatuses?) throws {
        _ = try Watchdog.start(board: board, statuses: boards, environment: environment, say: say, exit: exit)
    }
}
