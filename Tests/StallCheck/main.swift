import AltaComm
import AltaCore
import Foundation

// A job that stalls on purpose: `alta-stall-check FAULT RANK`. Every rank goes through steps of one collective each; in
// step 5 the rank named does what FAULT says. Tests start it, and look at how the job ends. With ALTA_RANKS_AS_THREADS the
// ranks are threads, and MPI is not started.
let environment = ProcessInfo.processInfo.environment
@Sendable func say(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

/// Ends every rank where this one fails.
@Sendable func runRank(_ rank: WatchedRank, _ fault: Fault, faultyRank: Int) {
    do {
        try StallingJob(collectives: rank.collectives, board: rank.board, fault: fault, rank: faultyRank).run()
        try rank.leave()
    } catch {
        say("error: \(error)")
        rank.collectives.abort(exitCode: ((error as? AltaError)?.exitCode ?? .failed).rawValue)
    }
}

do {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let fault = Fault(rawValue: arguments[1]), let rank = Int(arguments[2]) else {
        throw AltaError("usage: alta-stall-check FAULT RANK", exitCode: .usage)
    }
    let job = WatchedJob(environment: environment, say: say, exit: { _exit($0) })
    if let count = environment[DebugRequest.threadsVariable].flatMap({ Int($0) }) {
        _ = try job.runThreads(rankCount: count) { runRank($0, fault, faultyRank: rank) }
    } else {
        let isLate = fault == .start && LaunchedRank(environment).rank == rank
        runRank(try job.startProcess { if isLate { sleep(60) } }, fault, faultyRank: rank)
    }
} catch {
    say("error: \(error)")
    exit(((error as? AltaError)?.exitCode ?? .failed).rawValue)
}
