import AltaComm
import AltaCore
import AltaModel
import AltaRunSupport
import AltaTensor
import AltaTrain
import Foundation

// A training run in which one rank's memory fails: after a step, one bit of one of its trained weights is another.
// `CONFIG STEP RANK BIT` as arguments; ends as `alta-worker` would.
let arguments = CommandLine.arguments
guard arguments.count == 5, let step = Int(arguments[2]), let rank = Int(arguments[3]), let bit = Int(arguments[4])
else {
    FileHandle.standardError.write(Data("usage: alta-weight-check CONFIG STEP RANK BIT\n".utf8))
    exit(2)
}

exit(
    RunProgram.main { collectives in
        let context = try RankContext.make(collectives: collectives, clock: PhaseClock(), environment: [:])
        try Trainer.train(try RunConfig.load(path: arguments[1]), context: context, isTerminal: false, deal: nil) {
            guard $0 == step, collectives.rank == rank, let weight = $1.trainables.last?.value else { return }
            let number = weight.base + (weight.rows * weight.columns - 1)
            number.pointee = Float(bitPattern: number.pointee.bitPattern ^ 1 << bit)
        }
    })
