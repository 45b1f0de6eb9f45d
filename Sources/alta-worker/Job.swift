import AltaComm
import AltaCore
import AltaPlacement
import AltaTrain
import Foundation

/// A process's part in a job, from joining it to its exit code. The one place that catches everything.
enum Job {
    /// Joins the job, runs `body` for each rank of this process, leaves it.
    ///
    /// - Returns: the process's exit code. A failure that all ranks know of is printed by one of them and all leave in
    ///   good order; any other failure is printed and ends every rank.
    static func run(_ body: @escaping @Sendable (RankContext) throws -> ExitCode) -> Int32 {
        // Nobody reading the progress any more must not end a run.
        signal(SIGPIPE, SIG_IGN)
        // A file that grows beyond the user's limit is an error that is told.
        signal(SIGXFSZ, SIG_IGN)
        let failure = FirstFailure()
        do {
            let environment = ProcessInfo.processInfo.environment
            try DebuggerWait(environment: environment).map(waitForDebugger)
            let codes = try RankSource(environment: environment).run { seat in
                runRank(seat, environment, failure, body)
            }
            return (failure.exitCode ?? codes.first { $0 != .done } ?? .done).rawValue
        } catch {
            Console.error("\(error)")
            return ((error as? AltaError)?.exitCode ?? .failed).rawValue
        }
    }

    private static func waitForDebugger(_ wait: DebuggerWait) {
        wait.invitation.forEach(Console.note)
        switch wait.wait() {
        case .debugger: Console.note("note: rank \(wait.rank): a debugger is attached, going on")
        case .released: Console.note("note: rank \(wait.rank): let go without a debugger, going on")
        case .timeout:
            Console.note("note: rank \(wait.rank): no debugger came within \(Int(wait.limitSeconds)) s, going on")
        }
    }

    /// One rank from its start to its end.
    private static func runRank(
        _ seat: WatchedRank, _ environment: [String: String], _ first: FirstFailure,
        _ body: (RankContext) throws -> ExitCode
    ) -> ExitCode {
        let (collectives, board) = (seat.collectives, seat.board)
        if let obstacle = board.obstacle { Console.note("note: nobody can see what this rank does: \(obstacle)") }
        let clock = PhaseClock(board: board)
        do {
            let context = try RankContext.make(collectives: collectives, clock: clock, environment: environment)
            let code = try body(context)
            clock.current = "end"
            try seat.leave()
            return code
        } catch let failure as AgreedFailure {
            let code = failure.error.exitCode
            if failure.reportingRank == collectives.rank, first.claim(code) {
                report(failure.error, seat, clock)
            }
            return end(seat, code)
        } catch {
            let error = (error as? AltaError) ?? AltaError("\(error)")
            if first.claim(error.exitCode) { report(error.at(rank: collectives.rank), seat, clock) }
            guard collectives.rankCount > 1 else { return end(seat, error.exitCode) }
            // Over threads the others learn of it in their collectives; there is nobody to leave with.
            collectives.abort(exitCode: error.exitCode.rawValue)
            return error.exitCode
        }
    }

    private static func end(_ seat: WatchedRank, _ code: ExitCode) -> ExitCode {
        do { try seat.leave() } catch {
            Console.note("note: leaving the job failed: \(error)")
        }
        return code
    }

    /// Prints the failure and, under the launcher, leaves its record.
    private static func report(_ error: AltaError, _ seat: WatchedRank, _ clock: PhaseClock) {
        Console.error(error.description)
        guard let folder = ProcessInfo.processInfo.environment[FailureRecord.folderVariable] else { return }
        let record = FailureRecord(error, ranks: seat.collectives, clock: clock, status: seat.status)
        do {
            try record.write(folder: folder, name: record.fileName(writer: seat.collectives.rank))
        } catch {
            Console.note("note: no failure record could be written in \(folder): \(error)")
        }
    }
}
