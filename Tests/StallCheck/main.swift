import AltaComm
import AltaCore
import Foundation

// A job that stalls on purpose: `alta-stall-check FAULT RANK`. Every rank goes through steps of one collective each; in
// step 5 the rank named does what FAULT says. Tests start it, and look at how the job ends.
let environment = ProcessInfo.processInfo.environment
@Sendable func say(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

do {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let fault = Fault(rawValue: arguments[1]), let rank = Int(arguments[2]) else {
        throw AltaError("usage: alta-stall-check FAULT RANK", exitCode: .usage)
    }
    let board = try RankBoard.open(environment: environment)
    _ = try Watchdog.start(board: board, environment: environment, say: say) { _exit($0) }
    if fault == .start, LaunchedRank(environment).rank == rank { sleep(60) }
    let mpi = try board.joining { try MPICollectives.start() }
    board.identify(
        rank: mpi.rank, rankCount: mpi.rankCount, host: mpi.hostName, job: LaunchedRank(environment).job)
    let collectives = WatchedCollectives(CheckedCollectives.asked(environment, mpi), board: board)
    do {
        try StallingJob(collectives: collectives, board: board, fault: fault, rank: rank).run()
        try collectives.leaving { try mpi.finalize() }
    } catch {
        say("error: \(error)")
        mpi.abort(exitCode: ((error as? AltaError)?.exitCode ?? .failed).rawValue)
    }
} catch {
    say("error: \(error)")
    exit(((error as? AltaError)?.exitCode ?? .failed).rawValue)
}
