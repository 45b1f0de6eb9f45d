import AltaComm
import AltaCore
import AltaObjectiveSupport
import Foundation

// The contrastive losses of random batches as a job of several ranks, over MPI: each held against the dense formulas in
// double precision and, bit for bit, against one rank. Tests start it; it exits with 0 where everything holds, and says the
// seed of what does not.
do {
    let options = try LossCheckOptions(Array(CommandLine.arguments.dropFirst()))
    let collectives = try MPICollectives.start()
    do {
        try LossCheck(options: options, collectives: collectives).run()
        try collectives.finalize()
    } catch {
        LossCheck.report("error: \(error)")
        collectives.abort(exitCode: ExitCode.failed.rawValue)
    }
} catch {
    LossCheck.report("error: \(error)")
    exit(ExitCode.failed.rawValue)
}
