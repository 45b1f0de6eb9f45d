import AltaTestSupport
import Foundation

/// Runs `alta-collective-check` as a job of its own.
enum Job {
    /// How a job ended.
    struct Outcome {
        let exitCode: Int32
        let output: String
        let errors: String
    }

    /// mpirun, or nil where there is none (the tests that need it are then skipped by name).
    static let mpirun = executable(
        "mpirun", in: (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":"))

    /// The program beside the test bundle.
    static let check = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "alta-collective-check").path

    /// Ranks as processes. Yields when idle, since there may be more ranks than cores.
    static func overMPI(ranks: Int, _ options: [String] = []) throws -> Outcome {
        let launch = [
            "--oversubscribe", "--allow-run-as-root", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
            "--timeout", "60", "-n", "\(ranks)", check,
        ]
        return try run(mpirun ?? "mpirun", launch + options)
    }

    /// Ranks as threads.
    static func overThreads(ranks: Int, _ options: [String] = []) throws -> Outcome {
        try run(check, ["--threads", "\(ranks)"] + options)
    }

    /// One process without mpirun.
    static func alone(_ options: [String] = []) throws -> Outcome {
        try run(check, options)
    }

    private static func executable(_ name: String, in folders: [Substring]) -> String? {
        folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end, or ends it after a minute and a half.
    private static func run(_ program: String, _ arguments: [String]) throws -> Outcome {
        let folder = try SharedMaterial.temporaryFolder("collectives")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try newFile("\(folder)/output")
        process.standardError = try newFile("\(folder)/errors")
        try process.run()
        let deadline = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 90, execute: deadline)
        process.waitUntilExit()
        deadline.cancel()
        return Outcome(
            exitCode: process.terminationStatus,
            output: try String(contentsOfFile: "\(folder)/output", encoding: .utf8),
            errors: try String(contentsOfFile: "\(folder)/errors", encoding: .utf8))
    }

    private static func newFile(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(filePath: path))
        return try FileHandle(forWritingTo: URL(filePath: path))
    }
}
