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
            ExportCommand.description, VerifyCommand.description, BenchStepCommand.description,
            BenchLossCommand.description, BenchAllReduceCommand.description, BenchLoaderCommand.description,
            PreflightCommand.description,
        ])

    /// Runs a command line; the process's exit code.
    ///
    /// Wrong usage is told within the job: by one rank, whether it or all of them were called wrongly.
    static func run(_ arguments: [String]) -> Int32 {
        let line = Result { try read(arguments) }
        if case .success(.help(let text)) = line {
            Console.print(text)
            return ExitCode.done.rawValue
        }
        return Job.run { job in
            guard case .command(let parsed) = try job.agree({ try line.get() }) else { return .done }
            try job.checkSame(
                "commands", parsed.command.name, remedy: "start every rank with the same command", exitCode: .usage)
            // A preflight tells of other programs, and of whatever else is wrong.
            if parsed.command.name != PreflightCommand.description.name { try job.checkSameProgram() }
            return try perform(parsed, job: job)
        }
    }

    /// What a command line asks for.
    private enum Line {
        case help(String)
        case command(ParsedArguments)
    }

    private static func read(_ arguments: [String]) throws -> Line {
        switch try group.request(arguments) {
        case .help(let text): return .help(text)
        case .command(let command, let rest):
            let parsed = try command.parse(rest)
            return parsed.wantsHelp ? .help(command.help) : .command(parsed)
        }
    }

    private static func perform(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        switch parsed.command.name {
        case TrainCommand.pretrain.name: try TrainCommand.run(.pretrain, parsed, job: job)
        case TrainCommand.align.name: try TrainCommand.run(.align, parsed, job: job)
        case EvaluateCommand.description.name: try EvaluateCommand.run(parsed, job: job)
        case EmbedCommand.description.name: try EmbedCommand.run(parsed, job: job)
        case ExportCommand.description.name: try ExportCommand.run(parsed, job: job)
        case BenchStepCommand.description.name: try BenchStepCommand.run(parsed, job: job)
        case BenchLossCommand.description.name: try BenchLossCommand.run(parsed, job: job)
        case BenchAllReduceCommand.description.name: try BenchAllReduceCommand.run(parsed, job: job)
        case BenchLoaderCommand.description.name: try BenchLoaderCommand.run(parsed, job: job)
        case PreflightCommand.description.name: try PreflightCommand.run(parsed, job: job)
        default: try VerifyCommand.run(parsed, job: job)
        }
    }
}
