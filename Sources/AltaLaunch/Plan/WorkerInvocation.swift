import AltaCore
import Foundation

/// What stands after `--`: which subcommand of the worker, and on what.
///
/// The launcher reads it only to find, before it starts ranks, what would fail in all of them, and the run folder.
public struct WorkerInvocation: Equatable, Sendable {
    /// What the worker can do.
    public static let subcommands = [
        "pretrain", "align", "evaluate", "embed", "verify", "export", "bench", "preflight",
    ]
    private static let configured = ["pretrain", "align", "evaluate", "embed"]
    static let training = ["pretrain", "align"]

    /// The subcommand.
    public let subcommand: String
    /// The configuration or fixture, where one is given.
    public let file: String?
    /// The arguments of `--set`, in order.
    public let overrides: [String]

    /// Reads the worker's argument list.
    /// - Throws: a usage error for a missing or unknown subcommand.
    public init(arguments: [String]) throws(AltaError) {
        let known = Self.subcommands.joined(separator: ", ")
        guard let subcommand = arguments.first else {
            throw AltaError("nothing to run", remedy: "add -- and one of \(known)", exitCode: .usage)
        }
        guard Self.subcommands.contains(subcommand) else {
            let nearest = subcommand.nearest(among: Self.subcommands).map { "did you mean \($0)? " } ?? ""
            throw AltaError(
                "\(subcommand) is no subcommand of alta-worker", remedy: "\(nearest)give one of \(known) after --",
                exitCode: .usage)
        }
        self.subcommand = subcommand
        let takesFile = Self.configured.contains(subcommand) || ["verify", "preflight"].contains(subcommand)
        file = takesFile ? Self.file(arguments.dropFirst()) : nil
        overrides = Self.overrides(arguments)
    }

    /// The run folder of a training subcommand, from its configuration and `--set`; nil for the others.
    /// - Throws: `AltaError` for a missing fixture and for whatever is wrong with the configuration.
    public func output() throws -> String? {
        if subcommand == "verify", let file, !FileManager.default.fileExists(atPath: file) {
            throw AltaError("there is no such fixture", remedy: "give the path of a fixture after verify", file: file)
        }
        guard Self.configured.contains(subcommand), file != nil || !overrides.isEmpty else { return nil }
        let config = try RunConfig.load(path: file, overrides: overrides, stage: Stage(rawValue: subcommand))
        return Self.training.contains(subcommand) ? config.output : nil
    }

    /// Refuses what a restart could not go on with: only a run folder has checkpoints, and only `resume: auto` finds them.
    /// - Throws: a usage error; `AltaError` for whatever is wrong with the configuration.
    public func checkRestartable() throws {
        func refusal(_ why: String, _ remedy: String) -> AltaError {
            AltaError("--restarts cannot be kept", why: why, remedy: remedy, exitCode: .usage)
        }
        guard Self.training.contains(subcommand) else {
            throw refusal("\(subcommand) writes no checkpoint to go on from", "leave out --restarts")
        }
        let config = try RunConfig.load(path: file, overrides: overrides, stage: Stage(rawValue: subcommand))
        guard config.output != nil else {
            throw refusal("the run has no folder", "set output")
        }
        guard config.resume == .auto else {
            throw refusal(
                "resume is not auto, so that a restart would begin where this start began",
                "set resume to auto, or leave out --restarts")
        }
    }

    /// Flags of the worker; every other option is followed by its value.
    private static let flags = ["--json", "--help", "-h"]

    /// The first argument that is neither an option nor an option's value.
    private static func file(_ arguments: ArraySlice<String>) -> String? {
        var rest = arguments
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-") else { return argument }
            if !argument.contains("="), !flags.contains(argument) { rest = rest.dropFirst() }
        }
        return nil
    }

    private static func overrides(_ arguments: [String]) -> [String] {
        arguments.indices.compactMap { index in
            let argument = arguments[index]
            if argument.hasPrefix("--set=") { return String(argument.dropFirst("--set=".count)) }
            return argument == "--set" && index + 1 < arguments.count ? arguments[index + 1] : nil
        }
    }
}
