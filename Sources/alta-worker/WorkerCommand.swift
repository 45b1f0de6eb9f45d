import AltaCore
import AltaTrain
import Foundation

/// The subcommands of `alta-worker`, each one rank of a job.
enum WorkerCommand {
    static let group = CommandGroup(
        name: "alta-worker",
        summary: "One rank of a job that aligns radiographs with reports. Start it with mpirun or alta-launch; alone "
            + "it is a job of one rank.",
        commands: [AlignCommand.description, EvaluateCommand.description, VerifyCommand.description])

    /// Runs a command line; the process's exit code.
    static func run(_ arguments: [String]) -> Int32 {
        do {
            guard let (command, rest) = try group.command(arguments) else {
                Console.print(group.help)
                return ExitCode.done.rawValue
            }
            let parsed = try command.parse(rest)
            if parsed.wantsHelp {
                Console.print(command.help)
                return ExitCode.done.rawValue
            }
            return Job.run { try perform(parsed, job: $0) }
        } catch let error as AltaError {
            Console.error(error.description)
            return error.exitCode.rawValue
        } catch {
            Console.error("\(error)")
            return ExitCode.failed.rawValue
        }
    }

    private static func perform(_ parsed: ParsedArguments, job: RankContext) throws -> ExitCode {
        switch parsed.command.name {
        case AlignCommand.description.name: try AlignCommand.run(parsed, job: job)
        case EvaluateCommand.description.name: try EvaluateCommand.run(parsed, job: job)
        default: try VerifyCommand.run(parsed, job: job)
        }
    }
}
