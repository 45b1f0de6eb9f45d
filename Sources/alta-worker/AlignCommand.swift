import AltaCore
import AltaPlacement
import AltaTrain
import Foundation

/// `alta-worker align`: the training run.
enum AlignCommand {
    static let description = CommandDescription(
        name: "alta-worker align",
        summary: "Align radiographs with reports: train what the configuration says, from where it stopped.",
        positionals: [Arguments.configuration], options: [Arguments.set],
        example: "mpirun -n 2 alta-worker align config.json --set epochs=3", notes: Arguments.keys)

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        let config = try Arguments.config(arguments, job: job)
        try Trainer.train(config, context: job, isTerminal: isTerminal)
        return .done
    }

    /// Whether a person watches rank 0's line; under mpirun only the launcher knows (a rank's output looks like one).
    private static var isTerminal: Bool {
        let environment = ProcessInfo.processInfo.environment
        if let told = environment["ALTA_PROGRESS"] { return told == "terminal" }
        return environment["OMPI_COMM_WORLD_SIZE"] == nil && Terminal.isTerminal(Terminal.standardOutput)
    }
}
