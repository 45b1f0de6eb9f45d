import AltaComm
import AltaCore
import Foundation

/// Where the ranks of this process come from.
enum RankSource {
    /// This process is one rank of a job over MPI; without mpirun, its only one.
    case process
    /// Ranks 0 ..< N are threads of this process, the whole job; MPI is never started.
    case threads(Int)

    private static let variable = DebugRequest.threadsVariable
    private static let largestCount = 1024

    /// What the environment says; `process` where it says nothing.
    ///
    /// - Throws: `AltaError` where it gives no number of ranks, or mpirun has started several processes: each would be a
    ///   job of its own, in one run folder.
    init(environment: [String: String]) throws {
        guard let text = environment[RankSource.variable] else {
            self = .process
            return
        }
        guard let count = Int(text), (1...RankSource.largestCount).contains(count) else {
            throw AltaError(
                "\(RankSource.variable) is \(text)", why: "it must be a number from 1 to \(RankSource.largestCount)",
                remedy: "leave it out: a rank is then a process")
        }
        guard ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"].allSatisfy({ (environment[$0] ?? "1") == "1" }) else {
            throw AltaError(
                "\(RankSource.variable) is set under mpirun", why: "every process would be a job of \(count) ranks",
                remedy: "start one alta-worker without mpirun, or leave the variable out")
        }
        self = .threads(count)
    }

    /// Joins the job and runs `rank` for each rank of this process, in a thread of its own where they are threads.
    ///
    /// - Returns: what the ranks of this process returned.
    /// - Throws: `AltaError` where the job cannot be joined.
    func run(_ rank: @escaping @Sendable (RankSeat) -> ExitCode) throws -> [ExitCode] {
        let environment = ProcessInfo.processInfo.environment
        switch self {
        case .process:
            // Before MPI starts, so that a rank that never gets there is known by its board.
            let board = try RankSource.board(environment)
            let collectives = try board.joining { try MPICollectives.start() }
            return [rank(RankSeat(collectives: collectives, board: board, leave: collectives.finalize))]
        case .threads(let count):
            return try ThreadCollectives.run(rankCount: count) { collectives in
                // What debuggers show; Foundation's name for a thread does not reach the system.
                try? Data("rank \(collectives.rank)".utf8).write(to: URL(filePath: "/proc/thread-self/comm"))
                let board = try RankSource.board(environment, rank: collectives.rank)
                return rank(RankSeat(collectives: collectives, board: board, leave: collectives.barrier))
            }
        }
    }

    /// Where a rank tells what it does, and beside it the thread that looks for stalls.
    private static func board(_ environment: [String: String], rank: Int? = nil) throws -> RankBoard {
        let board = try RankBoard.open(environment: environment, rank: rank)
        _ = try Watchdog.start(board: board, environment: environment, say: Console.note) { _exit($0) }
        return board
    }
}

/// What one rank has of its job.
struct RankSeat {
    /// The ranks.
    let collectives: any Collectives
    /// Where it tells what it does.
    let board: RankBoard
    /// Leaves the job in good order; collective.
    let leave: () throws -> Void
}
