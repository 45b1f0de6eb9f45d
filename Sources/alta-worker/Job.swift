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
        // A file that grows beyond the user's limit is an error that is told.
        signal(SIGXFSZ, SIG_IGN)
        let collectives: MPICollectives
        do { collectives = try MPICollectives.start() } catch {
            Console.error("\(error)")
            return ExitCode.failed.rawValue
        }
        let clock = PhaseClock()
        do {
            let context = try RankContext.make(
                collectives: collectives, clock: clock, environment: ProcessInfo.processInfo.environment)
            let code = try body(context)
            try collectives.finalize()
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
