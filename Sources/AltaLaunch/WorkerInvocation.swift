import AltaCore
import Foundation

/// What stands after `--`: which subcommand of the worker, on what, with which output folder.
///
/// The launcher reads only what it must know before it starts ranks; the worker reads all of it again.
public struct WorkerInvocation: Equatable, Sendable {
    /// What the worker can do.
    public static let subcommands = ["pretrain", "align", "evaluate", "embed", "verify", "export", "bench"]
    private static let configured = ["pretrain", "align", "evaluate", "embed"]

    /// The subcommand.
    public let subcommand: String
    /// The configuration or fixture, where one is given.
    public let file: String?
    /// The run folder; nil where the subcommand writes none.
    public let output: String?

    /// Reads the worker's argument list.
    /// - Throws: a usage error for a missing or unknown subcommand.
    public init(arguments: [String]) throws(AltaError) {
        let known = Self.subcommands.joined(separator: ", ")
        guard let subcommand = arguments.first else {
            throw LaunchOptions.usage("no subcommand after --", remedy: "give one of \(known)")
        }
        guard Self.subcommands.contains(subcommand) else {
            throw LaunchOptions.usage(
                "\(subcommand) is no subcommand of alta-worker", remedy: "give one of \(known) after --")
        }
        self.subcommand = subcommand
        let second = arguments.dropFirst().first
        file = second.flatMap { $0.hasPrefix("-") || subcommand == "bench" ? nil : $0 }
        output = ["pretrain", "align"].contains(subcommand) ? Self.output(file: file, arguments: arguments) : nil
    }

    /// Finds out, before any rank starts, what would fail in all of them.
    /// - Throws: `AltaError` where the configuration or fixture is missing.
    public func check() throws(AltaError) {
        guard let file else { return }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), !isFolder.boolValue else {
            throw AltaError(
                isFolder.boolValue ? "a folder stands where a file is expected" : "there is no such file",
                remedy: Self.configured.contains(subcommand)
                    ? "give the path of a configuration (JSON) after \(subcommand)" : "give the path of a fixture",
                file: file)
        }
    }

    /// The last `--set output=...`, else the configuration's `output`.
    private static func output(file: String?, arguments: [String]) -> String? {
        var result = file.flatMap(configuredOutput)
        for (index, argument) in arguments.enumerated() {
            var setting: Substring?
            if argument.hasPrefix("--set=") { setting = argument.dropFirst("--set=".count) }
            if argument == "--set", index + 1 < arguments.count { setting = arguments[index + 1][...] }
            guard let setting, setting.hasPrefix("output=") else { continue }
            let value = String(setting.dropFirst("output=".count))
            let quoted = try? JSONDecoder().decode(String.self, from: Data(value.utf8))
            result = value == "null" ? nil : quoted ?? value
        }
        return result
    }

    private static func configuredOutput(_ file: String) -> String? {
        struct OnlyOutput: Decodable {
            var output: String?
        }
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        return (try? JSONDecoder().decode(OnlyOutput.self, from: data))?.output
    }
}
