import AltaCore
import AltaTrain

/// What the benchmarks have in common: each checks, then times, and prints one JSON object a line.
enum Benchmarks {
    static let model = CommandOption.value(
        "--model", name: "NAME", "alta-tiny, alta-small or alta-base (the default)")

    /// How many steps or studies there may be.
    static let counts = 1...1_000_000

    /// Prints a line on the rank that speaks.
    static func emit(_ line: JSONObject) throws { Console.print(try JSONValue.object(line).text()) }

    /// The model that `--model` names. Errors: there is none of this name.
    /// - Parameter name: the one without `--model`.
    static func model(_ parsed: ParsedArguments, orElse name: String) throws -> (name: String, config: ModelConfig) {
        let name = parsed.value("--model") ?? name
        guard let config = ModelConfig.preset(name) else {
            throw parsed.command.usageError(
                "--model is \(name)", "give one of \(ModelConfig.presetNames.joined(separator: ", "))")
        }
        return (name, config)
    }

    /// What `--seed` gives; nil: it is left out.
    static func seed(_ parsed: ParsedArguments) throws -> UInt64? {
        try parsed.int("--seed", in: 0...Int.max).map { UInt64($0) }
    }
}
