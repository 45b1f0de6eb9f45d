import AltaCore
import AltaPlacement
import AltaTrain
import Foundation

/// `alta-worker align` and `alta-worker pretrain`: a training run of one stage.
enum TrainCommand {
    static let align = description(
        .align, "Align radiographs with reports: train what the configuration says, from where it stopped.",
        example: "mpirun -n 2 alta-worker align config.json --set epochs=3")

    static let pretrain = description(
        .pretrain, "Pretrain the vision model on masked radiographs and reports (MRM), from where it stopped.",
        example: "mpirun -n 2 alta-worker pretrain config.json --set output=pretrained --set epochs=50")

    private static func description(_ stage: Stage, _ summary: String, example: String) -> CommandDescription {
        CommandDescription(
            name: "alta-worker \(stage.rawValue)", summary: summary, positionals: [Arguments.configuration],
            options: [Arguments.set], example: example, notes: Arguments.keys(stage))
    }

    static func run(_ stage: Stage, _ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        let config = try Arguments.config(arguments, stage: stage, job: job)
        try job.agree { try StopSignal.watch() }
        switch try Trainer.train(config, context: job, isTerminal: isTerminal) {
        case .done: return .done
        case .stopped: return .stoppedEarly
        }
    }

    /// Whether a person watches rank 0's line; under mpirun only the launcher knows (a rank's output looks like one).
    private static var isTerminal: Bool {
        let environment = ProcessInfo.processInfo.environment
        if let told = environment["ALTA_PROGRESS"] { return told == "terminal" }
        return environment["OMPI_COMM_WORLD_SIZE"] == nil && Terminal.isTerminal(Terminal.standardOutput)
    }
}
