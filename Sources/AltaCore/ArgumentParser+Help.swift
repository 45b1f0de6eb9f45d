extension CommandDescription {
    /// The text of `--help`.
    public var help: String {
        var text = "\(summary)\n\nUsage: \(usage)\n"
        text += section("Arguments", positionals.map { ($0.name, $0.documentation) })
        let help = (label: "-h, --help", documentation: "print this and end")
        text += section("Options", options.map { ($0.label, $0.documentation) } + [help])
        text += "\nExample:\n  \(example)\n"
        if !notes.isEmpty { text += "\n\(notes)\n" }
        return text
    }

    private var usage: String {
        var words = [name]
        if !options.isEmpty { words.append("[OPTIONS]") }
        words += positionals.map { $0.isOptional ? "[\($0.name)]" : $0.name }
        if let trailingName { words.append("-- \(trailingName)") }
        return words.joined(separator: " ")
    }

    private func section(_ title: String, _ rows: [(label: String, documentation: String)]) -> String {
        guard !rows.isEmpty else { return "" }
        let width = rows.map(\.label.count).max() ?? 0
        return "\n\(title):\n"
            + rows.map { "  \($0.label.padded(to: width))  \($0.documentation)\n" }.joined()
    }
}

extension CommandOption {
    /// The spellings and the value as the help shows them.
    fileprivate var label: String {
        names.joined(separator: ", ") + (valueName.map { " \($0)" } ?? "")
            + (valueName != nil && isRepeated ? "..." : "")
    }
}

/// A program of several commands, as `alta-data synthesize`.
public struct CommandGroup: Sendable {
    /// The program's name.
    public let name: String
    /// What it is for, in one sentence.
    public let summary: String
    /// Its commands; the name of each is the program's, a space, and the command's own.
    public let commands: [CommandDescription]

    /// Stores the description.
    public init(name: String, summary: String, commands: [CommandDescription]) {
        self.name = name
        self.summary = summary
        self.commands = commands
    }

    /// What a command line asks of a group.
    public enum Request: Sendable {
        /// A command, with the arguments that follow its name.
        case command(CommandDescription, arguments: [String])
        /// The text of a group's `--help`.
        case help(String)
    }

    /// The command that the first arguments name; its name may be of two words, as `bench step`.
    ///
    /// Errors (exit code `.usage`): no command, or an unknown one (with the nearest).
    public func request(_ arguments: [String]) throws -> Request {
        guard let first = arguments.first else {
            throw AltaError("\(name): a command is missing", remedy: "see \(name) --help", exitCode: .usage)
        }
        if first == "--help" || first == "-h" { return .help(help) }
        if let found = commands.first(where: { $0.name == "\(name) \(first)" }) {
            return .command(found, arguments: Array(arguments.dropFirst()))
        }
        let inner = commands.filter { $0.name.hasPrefix("\(name) \(first) ") }
        if !inner.isEmpty {
            let group = CommandGroup(
                name: "\(name) \(first)", summary: "The commands of \(name) \(first).", commands: inner)
            return try group.request(Array(arguments.dropFirst()))
        }
        let nearest = first.nearest(among: commands.map { String($0.name.dropFirst(name.count + 1)) })
        throw AltaError(
            "\(name): unknown command \(first)", remedy: nearest.map { "did you mean \($0)?" }, exitCode: .usage)
    }

    /// The text of `--help`.
    public var help: String {
        let width = commands.map(\.name.count).max() ?? 0
        let rows = commands.map { "  \($0.name.padded(to: width))  \($0.summary)\n" }.joined()
        return "\(summary)\n\nUsage: \(name) COMMAND ...\n\nCommands:\n\(rows)\nSee \(name) COMMAND --help.\n"
    }
}
