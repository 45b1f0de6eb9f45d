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
    func run(_ rank: @escaping @Sendable (WatchedRank) -> ExitCode) throws -> [ExitCode] {
        let job = WatchedJob(
            environment: ProcessInfo.processInfo.environment, say: Console.note, exit: { _exit($0) })
        switch self {
        case .process: return [rank(try job.startProcess())]
        case .threads(let count):
            return try job.runThreads(rankCount: count) { seat in
                // What debuggers show; Foundation's name for a thread does not reach the system.
                try? Data("rank \(seat.collectives.rank)".utf8).write(to: URL(filePath: "/proc/thread-self/comm"))
                return rank(seat)
            }
        }
    }
}
