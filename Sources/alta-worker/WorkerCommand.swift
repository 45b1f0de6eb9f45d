import AltaCore
import AltaTrain
import Foundation

/// The subcommands of `alta-worker`, each one rank of a job.
enum WorkerCommand {
    static let group = CommandGroup(
        name: "alta-worker",
        summary:
            "One rank of a job that pretrains, or aligns radiographs with reports. Start it with mpirun or alta-launch; alone "
            + "it is a job of one rank.",
        commands: [
            TrainCommand.pretrain, TrainCommand.align, EvaluateCommand.description, EmbedCommand.description,
            ExportCommand.description, VerifyCommand.description,
        ])

    /// Runs a command line; the process's exit code.
    ///
    /// Wrong usage is told within the job: by one rank, whether it or all of them were called wrongly.
    static func run(_ arguments: [String]) -> Int32 {
        let parsed = Result { try parse(arguments) }
        if case .success(let parsed) = parsed, parsed?.wantsHelp ?? true {
            Console.print(parsed?.command.help ?? group.help)
            return ExitCode.done.rawValue
        }
        return Job.run { job in
            guard let parsed = try job.agree({ try parsed.get() }) else { return .done }
            return try perform(parsed, job: job)
        }
    }

    /// Commands of the contract that later versions bring; a near miss would be no help.
    private static let laterCommands = ["bench"]

    /// The command line; nil: it asks what there is.
    private static func parse(_ arguments: [String]) throws -> ParsedArguments? {
        if let first = arguments.first, laterCommands.contains(first), arguments.dropFirst().first != "allreduce" {
            throw AltaError(
                "alta-worker \(first) is not available in this version", remedy: "see alta-worker --help",
                exitCode: .usage)
        }
        if arguments.starts(with: ["bench", "allreduce"]) {
            return try BenchAllReduceCommand.description.parse(Array(arguments.dropFirst(2)))
        }
        guard let (command, rest) = try group.command(arguments) else { return nil }
        return try command.parse(rest)
    }

    private static func perform(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        switch parsed.command.name {
        case TrainCommand.pretrain.name: try TrainCommand.run(.pretrain, parsed, job: job)
        case TrainCommand.align.name: try TrainCommand.run(.align, parsed, job: job)
        case EvaluateCommand.description.name: try EvaluateCommand.run(parsed, job: job)
        case EmbedCommand.description.name: try EmbedCommand.run(parsed, job: job)
        case ExportCommand.description.name: try ExportCommand.run(parsed, job: job)
        case BenchAllReduceCommand.description.name: try BenchAllReduceCommand.run(parsed, job: job)
        default: try VerifyCommand.run(parsed, job: job)
        }
    }
}
