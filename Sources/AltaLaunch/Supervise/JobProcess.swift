import AltaCore
import Foundation

/// A process of a running job, on this host: one rank, or all of them as threads.
struct JobProcess: Equatable, Sendable {
    let identifier: Int32
    /// Its rank; nil: its ranks are threads, or it is a job of one rank.
    let rank: Int?
    /// The number of ranks that are its threads; nil: it is one rank.
    let threadCount: Int?
    /// The folder of the logs of the launcher that started it; nil: it was started without one.
    let logs: String?
    /// Where its ranks publish what they do; nil: nowhere that is known.
    let statuses: String?

    /// Who it is, in words.
    var name: String {
        if let rank { return "rank \(rank)" }
        return threadCount.map { "ranks 0-\($0 - 1) (threads)" } ?? "rank 0"
    }

    /// The processes of a job, in the order of the ranks; only this user's are looked at.
    ///
    /// - Parameter target: the run folder, or the number of a process: the launcher, mpirun, or a rank.
    /// - Throws: `AltaError` where there is none.
    static func find(_ target: String) throws(AltaError) -> [JobProcess] {
        let found = Int32(target).map(below) ?? inFolder(target)
        guard found.isEmpty else {
            return found.sorted { ($0.rank ?? 0, $0.identifier) < ($1.rank ?? 0, $1.identifier) }
        }
        let isProcess = Int32(target) != nil
        throw AltaError(
            "no rank of that job runs on this host",
            why: isProcess
                ? "process \(target) is no launcher, mpirun or rank of yours"
                : "no process of yours writes to \(target)",
            remedy: "give the run folder, or the process of alta-launch or mpirun (pgrep -a alta-launch)")
    }

    /// The ranks among a process and what it started.
    ///
    /// A process that starts other things too (a shell, the first process of a container) is none to look below.
    private static func below(_ process: Int32) -> [JobProcess] {
        guard read(process) != nil || starters.contains(where: programName(process).hasPrefix) else { return [] }
        let found = ([process] + ChildProcess.descendants(of: process)).compactMap { read($0) }
        return withoutChildren(found.filter { $0.rank != nil || $0.threadCount != nil || $0.identifier == process })
    }

    /// The ranks of the job whose launcher keeps its logs in a run folder.
    private static func inFolder(_ folder: String) -> [JobProcess] {
        let whole = Programs.absolute(folder)
        let logs = ["\(whole)/ranks", whole]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let found = names.compactMap { Int32($0) }.compactMap { read($0) }
        return withoutChildren(
            found.filter { process in process.logs.map { logs.contains($0) } ?? false })
    }

    /// Programs that have a rank's environment, or a launcher's, and are none.
    private static let others = ["gdb", "lldb", "tmux", "mpirun", "orte", "prte"]

    /// What a process says of itself; nil: it is gone, another user's, a debugger, or no part of a job.
    static func read(_ process: Int32) -> JobProcess? {
        let path = "/proc/\(process)"
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_uid == getuid(), let environment = environment(of: process) else {
            return nil
        }
        let name = programName(process)
        guard !others.contains(where: name.hasPrefix) else { return nil }
        let rank = DebugRequest.rank(environment: environment)
        let threads = environment[DebugRequest.threadsVariable].flatMap { Int($0) }
        guard rank != nil || threads != nil || name == "alta-worker" else { return nil }
        let failures = environment[FailureRecord.folderVariable]
        let logs = failures.map { URL(filePath: $0).deletingLastPathComponent().path }
        let statuses =
            environment[RankStatus.folderVariable] ?? environment["PMIX_SERVER_TMPDIR"].map { "\($0)/alta-status" }
        return JobProcess(
            identifier: process, rank: threads == nil ? rank : nil, threadCount: threads, logs: logs, statuses: statuses
        )
    }

    /// What starts ranks.
    private static let starters = ["alta-launch", "mpirun", "mpiexec", "orte", "prte", "hydra", "srun"]

    private static func programName(_ process: Int32) -> String {
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
        return program?.split(separator: "/").last.map(String.init) ?? ""
    }

    /// A rank's own children have its environment too: only the first of a family is the rank.
    private static func withoutChildren(_ found: [JobProcess]) -> [JobProcess] {
        let children = Set(found.flatMap { ChildProcess.descendants(of: $0.identifier) })
        return found.filter { !children.contains($0.identifier) }
    }

    /// The environment that a process was started with; nil: it may not be read.
    static func environment(of process: Int32) -> [String: String]? {
        guard let file = FileHandle(forReadingAtPath: "/proc/\(process)/environ"),
            let data = try? file.read(upToCount: 1 << 20)
        else { return nil }
        let pairs = data.split(separator: 0).compactMap { bytes -> (String, String)? in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let equals = text.firstIndex(of: "=") else { return nil }
            return (String(text[..<equals]), String(text[text.index(after: equals)...]))
        }
        return Dictionary(pairs) { first, _ in first }
    }
}
