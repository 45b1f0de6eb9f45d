import AltaCore
import Foundation

/// Where a job keeps what its ranks print, publish and leave.
struct JobFolders {
    /// The folder of the logs: `OUTPUT/ranks`, or a temporary one.
    let logs: String

    /// What failing ranks leave.
    var failures: String { Self.failures(in: logs) }
    /// What ranks publish while they run.
    var statuses: String { Self.statuses(in: logs) }

    /// The folder of failure records beside the ranks' logs.
    static func failures(in logs: String) -> String { "\(logs)/failures" }

    /// The folder of statuses beside the ranks' logs.
    static func statuses(in logs: String) -> String { "\(logs)/status" }

    /// The folders of a job beside these logs, made or not.
    init(logs: String) { self.logs = logs }

    /// Makes the folders of a job.
    ///
    /// - Parameter output: the run folder; nil: the subcommand has none.
    /// - Throws: `AltaError` where they cannot be made or written.
    init(output: String?) throws(AltaError) {
        let temporary = FileManager.default.temporaryDirectory.path
        logs =
            output.map { Programs.absolute($0) + "/ranks" }
            ?? "\(temporary)/alta-launch-\(getuid())-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try make()
    }

    /// Makes the folders where they are missing.
    /// - Throws: `AltaError` where they cannot be made or written.
    func make() throws(AltaError) {
        do {
            for folder in [failures, statuses] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
        } catch {
            throw AltaError(
                "cannot create the folder of the ranks' output", why: error.localizedDescription,
                remedy: "give another output folder", file: logs)
        }
        for folder in [logs, failures, statuses] where access(folder, W_OK) != 0 {
            throw AltaError(
                "the output folder cannot be written", remedy: "give another output folder, or its owner's rights",
                file: logs)
        }
    }

    /// Removes what ranks published earlier: a rank without a status is then one that never started.
    func clearStatuses() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: statuses)) ?? []
        where name.hasPrefix("rank-") {
            try? FileManager.default.removeItem(atPath: "\(statuses)/\(name)")
        }
    }

    /// Adds lines to the launcher's own log; where it cannot be written, the screen has to do.
    func log(_ lines: [String]) {
        _ = appendAll(Array((lines.joined(separator: "\n") + "\n").utf8), to: RankOutput.launcherLog(in: logs))
    }

    /// Removes what is of no use after a job that went well; of a job without run folder, everything.
    func removeAfterSuccess(hasOutput: Bool) {
        for path in hasOutput ? [failures, statuses] : [logs] { try? FileManager.default.removeItem(atPath: path) }
    }
}
