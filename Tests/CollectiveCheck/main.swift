import AltaComm
import AltaCore
import Foundation

// What a job of several ranks can show only as several ranks: every collective on rank-dependent data, over MPI (started
// by mpirun, or alone as a job of one) or over threads. Tests start it; it exits with 0 where every check holds.
do {
    let options = try CheckOptions(Array(CommandLine.arguments.dropFirst()))
    if let threadCount = options.threadCount {
        _ = try ThreadCollectives.run(rankCount: threadCount) { try options.perform(with: $0) }
    } else {
        let collectives = try MPICollectives.start(limits: options.limits)
        do {
            try options.perform(with: collectives)
            try collectives.finalize()
        } catch {
            CheckOptions.report("error: \(error)")
            collectives.abort(exitCode: CheckOptions.exitCode(of: error))
        }
    }
} catch {
    CheckOptions.report("error: \(error)")
    exit(CheckOptions.exitCode(of: error))
}
