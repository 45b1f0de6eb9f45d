import AltaComm
import AltaCore
import AltaTrain
import Foundation

// A training run that is ended, or whose checkpoints fail, where the arguments say: `STAGE CONFIG PLAN…` (see PlannedFault);
// else it ends as `alta-worker` would.
let arguments = CommandLine.arguments
guard arguments.count > 3, let stage = Stage(rawValue: arguments[1]),
    let fault = PlannedFault.parse(Array(arguments.dropFirst(3)))
else {
    FileHandle.standardError.write(Data("usage: alta-kill-check align|pretrain CONFIG PLAN\n".utf8))
    exit(2)
}

/// The rank's part in the run, to its exit code.
func run(_ collectives: MPICollectives) throws -> ExitCode {
    let clock = PhaseClock()
    fault.plant(in: clock, rank: collectives.rank)
    do {
        let context = try RankContext.make(collectives: collectives, clock: clock, environment: [:])
        let config = try RunConfig.load(path: arguments[2], overrides: [], stage: stage)
        let completed = CompletedSteps()
        try Trainer.train(
            config, context: context, isTerminal: false, deal: nil, observe: fault.observer(completed)
        ) { step, _ in completed.add(step) }
    } catch let failure as AgreedFailure {
        if failure.reportingRank == collectives.rank {
            FileHandle.standardError.write(Data("error: \(failure.error)\n".utf8))
        }
        return failure.error.exitCode
    }
    return .done
}

do {
    let collectives = try MPICollectives.start()
    let code = try run(collectives)
    try collectives.finalize()
    exit(code.rawValue)
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
