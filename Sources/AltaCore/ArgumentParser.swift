/// An argument of a command that stands without an option's name.
public struct PositionalArgument: Sendable {
    /// Its name in the help, as `CONFIG.json`.
    public let name: String
    /// What it is.
    public let documentation: String
    /// Whether it may be left out; only the last ones may.
    public let isOptional: Bool

    /// Stores the description.
    public init(_ name: String, _ documentation: String, isOptional: Bool = false) {
        self.name = name
        self.documentation = documentation
        self.isOptional = isOptional
    }
}

/// An option of a command: a flag, or with a value, once or repeated.
public struct CommandOption: Sendable {
    /// The spellings with their dashes; the first is the one to ask for, as `["-n", "-np", "--nproc-per-node"]`.
    public let names: [String]
    /// The name of its value in the help, as `COUNT`; nil: a flag.
    public let valueName: String?
    /// Whether it may be given more than once; otherwise a second time is an error.
    public let isRepeated: Bool
    /// What it does.
    public let documentation: String

    /// An option with a value.
    public static func value(
        _ names: String..., name valueName: String, isRepeated: Bool = false, _ documentation: String
    ) -> CommandOption {
        CommandOption(
            names: names, valueName: valueName, isRepeated: isRepeated, documentation: documentation)
    }

    /// An option without a value; giving it twice is the same as once.
    public static func flag(_ names: String..., documentation: String) -> CommandOption {
        CommandOption(names: names, valueName: nil, isRepeated: true, documentation: documentation)
    }
}

/// A command with its arguments: what `--help` prints and how its arguments are read.
public struct CommandDescription: Sendable {
    /// The words that start it, as `alta-worker align`.
    public let name: String
    /// What it does, in one sentence.
    public let summary: String
    /// Its arguments without an option's name, in order.
    public let positionals: [PositionalArgument]
    /// Its options; `--help` and `-h` are understood without being listed.
    public let options: [CommandOption]
    /// What the arguments after `--` are, as `WORKER-ARGUMENTS`; nil: there must be none.
    public let trailingName: String?
    /// A complete command line to copy.
    public let example: String
    /// More paragraphs at the end of the help, as the table of configuration keys.
    public let notes: String

    /// Stores the description.
    public init(
        name: String, summary: String, positionals: [PositionalArgument] = [], options: [CommandOption] = [],
        trailingName: String? = nil, example: String, notes: String = ""
    ) {
        self.name = name
        self.summary = summary
        self.positionals = positionals
        self.options = options
        self.trailingName = trailingName
        self.example = example
        self.notes = notes
    }

    /// Reads the arguments that follow the command's name: `--option value` or `--option=value`, flags, positional
    /// arguments in any place, and after `--` whatever follows. A value may begin with a dash.
    ///
    /// Errors (exit code `.usage`): an unknown option (with the nearest known one), a missing value, a value for a
    /// flag, an option given twice, too few or too many positional arguments. After `--help` nothing is an error.
    public func parse(_ arguments: [String]) throws -> ParsedArguments {
        var parsed = ParsedArguments(command: self)
        let own = arguments.prefix { $0 != "--" }
        parsed.wantsHelp = own.contains("--help") || own.contains("-h")
        if parsed.wantsHelp { return parsed }
        var rest = own[...]
        while let argument = rest.popFirst() {
            if argument.hasPrefix("-"), argument != "-", Double(argument) == nil {
                try parse(option: argument, &rest, into: &parsed)
            } else {
                parsed.positionals.append(argument)
            }
        }
        parsed.trailing = Array(arguments.dropFirst(own.count + 1))
        try checkCounts(of: parsed, hasTrailing: own.count < arguments.count)
        return parsed
    }

    private func parse(
        option argument: String, _ rest: inout ArraySlice<String>, into parsed: inout ParsedArguments
    ) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let option = options.first(where: { $0.names.contains(parts[0]) }) else {
            let nearest = parts[0].nearest(among: options.flatMap(\.names) + ["--help"])
            throw usageError("unknown option \(parts[0])", "did you mean \(nearest ?? "--help")?")
        }
        let inline = parts.count == 2 ? parts[1] : nil
        let key = option.names[0]
        guard let valueName = option.valueName else {
            guard inline == nil else { throw usageError("\(parts[0]) takes no value", "leave out =\(parts[1])") }
            parsed.options[key] = [""]
            return
        }
        guard let value = inline ?? rest.popFirst() else {
            throw usageError("\(parts[0]) has no value", "write \(parts[0]) \(valueName)")
        }
        guard option.isRepeated || parsed.options[key] == nil else {
            throw usageError("\(parts[0]) is given twice", "give it once")
        }
        parsed.options[key, default: []].append(value)
    }

    private func checkCounts(of parsed: ParsedArguments, hasTrailing: Bool) throws {
        let required = positionals.count(where: { !$0.isOptional })
        if parsed.positionals.count < required {
            throw usageError("\(positionals[parsed.positionals.count].name) is missing", usageHint)
        }
        if parsed.positionals.count > positionals.count {
            throw usageError("unexpected argument \(parsed.positionals[positionals.count])", usageHint)
        }
        if hasTrailing, trailingName == nil { throw usageError("unexpected --", usageHint) }
    }

    /// An error with exit code `.usage`.
    public func usageError(_ what: String, _ remedy: String) -> AltaError {
        AltaError("\(name): \(what)", remedy: remedy, exitCode: .usage)
    }

    private var usageHint: String { "see \(name) --help" }
}
