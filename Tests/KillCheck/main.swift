import AltaComm
import AltaCore
import AltaRunSupport
import AltaTrain
import Foundation

// A training run that is ended, or whose checkpoints fail, where the arguments say: `STAGE CONFIG PLAN…` (see PlannedFault);
// else it ends as `alta-worker` would.
let arguments = CommandLine.arguments
guard arguments.count > 3, let stage = Stage(rawValue: arguments[1]),
    let fault = PlannedFault.parse(Array(arguments.dropFirst(3)))
else {
    RunProgram.complain("usage: alta-kill-check align|pretrain CONFIG PLAN")
    exit(2)
}

exit(
    RunProgram.main { collectives in
        let clock = PhaseClock()
        fault.plant(in: clock, rank: collectives.rank)
        let context = try RankContext.make(collectives: collectives, clock: clock, environment: [:])
        let config = try RunConfig.load(path: arguments[2], overrides: [], stage: stage)
        let completed = CompletedSteps()
        try Trainer.train(
            config, context: context, isTerminal: false, deal: nil, observe: fault.observer(completed)
        ) { step, _ in completed.add(step) }
    })
