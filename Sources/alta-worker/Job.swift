import AltaComm
import AltaCore
import AltaTrain
import Foundation

/// A process's part in a job, from joining it to its exit code. The one place that catches everything.
enum Job {
    /// Joins the job, runs `body`, leaves it.
    ///
    /// - Returns: the process's exit code. A failure that all ranks know of is printed by one of them and all leave in
    ///   good order; any other failure is printed and ends every rank.
    static func run(_ body: (RankContext) throws -> ExitCode) -> Int32 {
        // Nobody reading the progress any more must not end a run.
        signal(SIGPIPE, SIG_IGN)
        let environment = ProcessInfo.processInfo.environment
        let collectives: MPICollectives
        let board: RankBoard
        do {
            // Before MPI starts, so that a rank that never gets there is known by its board.
            board = try RankBoard.open(environment: environment)
            _ = try Watchdog.start(board: board, environment: environment, say: Console.note) { _exit($0) }
            collectives = try board.joining { try MPICollectives.start() }
        } catch {
            Console.error("\(error)")
            return ((error as? AltaError)?.exitCode ?? .failed).rawValue
        }
        if let obstacle = board.obstacle { Console.note("note: nobody can see what this rank does: \(obstacle)") }
        board.identify(
            rank: collectives.rank, rankCount: collectives.rankCount, host: collectives.hostName,
            job: LaunchedRank(environment).job)
        let watched = WatchedCollectives(CheckedCollectives.asked(environment, collectives), board: board)
        let clock = PhaseClock(board: board)
        do {
            let context = try RankContext.make(collectives: watched, clock: clock, environment: environment)
            let code = try body(context)
            clock.current = "end"
            try watched.leaving { try collectives.finalize() }
            return code.rawValue
        } catch let failure as AgreedFailure {
            if failure.reportingRank == collectives.rank { report(failure.error, collectives, clock) }
            return leave(collectives, failure.error.exitCode)
        } catch {
            let error = (error as? AltaError) ?? AltaError("\(error)")
            report(error.at(rank: collectives.rank), collectives, clock)
            if collectives.rankCount > 1 { collectives.abort(exitCode: error.exitCode.rawValue) }
            return leave(collectives, error.exitCode)
        }
    }

    private static func leave(_ collectives: MPICollectives, _ code: ExitCode) -> Int32 {
        do { try collectives.finalize() } catch { Console.note("note: leaving the job failed: \(error)") }
        return code.rawValue
    }

    /// Prints the failure and, under the launcher, leaves its record.
    private static func report(_ error: AltaError, _ collectives: MPICollectives, _ clock: PhaseClock) {
        Console.error(error.description)
        guard let folder = ProcessInfo.processInfo.environment[FailureRecord.folderVariable] else { return }
        let record = FailureRecord(
            rank: error.rank ?? collectives.rank, host: collectives.hostName, phase: clock.current,
            step: clock.step, message: error.description, exitCode: error.exitCode.rawValue,
            secondsSince1970: Date().timeIntervalSince1970)
        do {
            let path = URL(filePath: folder).appending(path: "rank-\(collectives.rank).json")
            try JSONEncoder().encode(record).write(to: path, options: .atomic)
        } catch {
            Console.note("note: no failure record could be written in \(folder): \(error)")
        }
    }
}
