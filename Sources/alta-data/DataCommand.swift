import AltaCore
import Foundation

/// The subcommands of `alta-data`: everything before training.
struct DataCommand: Sendable {
    /// Its name after `alta-data`.
    let name: String
    /// What it does, for the list of commands.
    let summary: String
    /// Does it, with the arguments after its name; throws `AltaError`.
    let perform: @Sendable (_ arguments: [String]) throws -> Void

    static let all: [DataCommand] = [
        DataCommand(
            name: "synthesize", summary: "a cohort of phantom radiographs with reports", perform: runSynthesize),
        DataCommand(
            name: "inspect", summary: "one radiograph as the model would see it", perform: runInspect),
        DataCommand(name: "tokenize", summary: "lines of text to token ids", perform: runTokenize),
        DataCommand(name: "vocabulary", summary: "train a vocabulary on reports", perform: runVocabulary),
    ]

    /// Runs a command line; the process's exit code.
    static func run(_ arguments: [String]) -> Int32 {
        let group = CommandGroup(
            name: "alta-data", summary: "Prepares the data of a training run.",
            commands: all.map { CommandDescription(name: "alta-data \($0.name)", summary: $0.summary, example: "") })
        do {
            if arguments.first == "pack" {
                throw AltaError(
                    "alta-data pack is not available in this version", remedy: "train from the CSV", exitCode: .usage)
            }
            switch try group.request(arguments) {
            case .help(let text): print(text, terminator: "")
            case .command(let chosen, let rest):
                for command in all where "alta-data \(command.name)" == chosen.name { try command.perform(rest) }
            }
            return ExitCode.done.rawValue
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            return ((error as? AltaError)?.exitCode ?? .failed).rawValue
        }
    }
}
