/// The arguments of a command, read by `CommandDescription.parse`.
///
/// Options are asked for by their first spelling; asking for one that was not described is a programmer's fault.
public struct ParsedArguments: Sendable {
    /// The command they belong to.
    public let command: CommandDescription
    /// Whether `--help` or `-h` stood among them; then nothing else was read.
    public internal(set) var wantsHelp = false
    /// What stood without an option's name, in order.
    public internal(set) var positionals: [String] = []
    /// What followed `--`.
    public internal(set) var trailing: [String] = []
    var options: [String: [String]] = [:]

    init(command: CommandDescription) { self.command = command }

    /// The value of an option, or nil where it was not given.
    public func value(_ name: String) -> String? { values(name).last }

    /// Every value of an option, in order.
    public func values(_ name: String) -> [String] {
        precondition(
            command.options.contains { $0.names.first == name }, "\(command.name) describes no option \(name)")
        return options[name] ?? []
    }

    /// Whether a flag was given.
    public func flag(_ name: String) -> Bool { !values(name).isEmpty }

    /// The value of an option that must be given. Errors: it was not (exit code `.usage`).
    public func required(_ name: String) throws -> String {
        guard let value = value(name) else {
            throw command.usageError("\(name) is missing", "see \(command.name) --help")
        }
        return value
    }

    /// The value of an option as a whole number, or nil where it was not given.
    ///
    /// Errors: it is no whole number in `range` (exit code `.usage`).
    public func int(_ name: String, in range: ClosedRange<Int> = Int.min...Int.max) throws -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let limits = range == Int.min...Int.max ? "" : " from \(range.lowerBound) to \(range.upperBound)"
            throw command.usageError("\(name) is \(text)", "give a whole number\(limits)")
        }
        return number
    }

    /// The value of an option as a finite number of at least `minimum`, or nil where it was not given.
    ///
    /// Errors: it is none (exit code `.usage`).
    public func double(_ name: String, atLeast minimum: Double = -.greatestFiniteMagnitude) throws -> Double? {
        guard let text = value(name) else { return nil }
        guard let number = Double(text), number.isFinite, number >= minimum else {
            let limit = minimum == -.greatestFiniteMagnitude ? "" : " of at least \(minimum)"
            throw command.usageError("\(name) is \(text)", "give a number\(limit)")
        }
        return number
    }
}
