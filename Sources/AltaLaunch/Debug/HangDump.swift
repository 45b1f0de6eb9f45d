import AltaCore
import Foundation

/// What every rank of a running job on this host is doing, written to a file and, in short, to the screen.
struct HangDump {
    /// One process: who it is, what its ranks publish, and where its threads are.
    struct Entry: Sendable {
        let process: JobProcess
        let stacks: ProcessStacks
        /// What its ranks say that they do; empty where they do not.
        let statuses: [RankStatus]
    }

    /// How long gdb may look at one process: it reads the symbols of all libraries first.
    static let stackSeconds = 30.0
    private static let processesAtOnce = 4

    let target: String
    let entries: [Entry]
    /// Ranks on other hosts, whose stacks cannot be seen from here.
    let others: [RankStatus]
    let date: Date

    /// Looks at every process of a job; a few at a time, so that few are stopped at once.
    /// - Throws: `AltaError` where no rank of that job runs here.
    static func take(_ target: String, limitSeconds: Double = stackSeconds) throws(AltaError) -> HangDump {
        let date = Date()
        let processes = try JobProcess.find(target)
        let gdb = Programs.find("gdb")
        let looks = Locked([ProcessStacks?](repeating: nil, count: processes.count))
        for start in stride(from: 0, to: processes.count, by: processesAtOnce) {
            let end = min(start + processesAtOnce, processes.count)
            DispatchQueue.concurrentPerform(iterations: end - start) { index in
                let stacks = ProcessStacks.look(
                    at: processes[start + index].identifier, gdb: gdb, limitSeconds: limitSeconds)
                looks.withLock { $0[start + index] = stacks }
            }
        }
        let statuses = processes.lazy.compactMap(\.statuses).first.map { RankStatus.load(folder: $0) } ?? []
        let entries = zip(processes, looks.withLock { $0.compactMap { $0 } }).map { process, stacks in
            Entry(
                process: process, stacks: stacks,
                statuses: statuses.filter { $0.processIdentifier == process.identifier })
        }
        let here = Set(entries.flatMap { $0.statuses.map(\.host) })
        let others = here.isEmpty ? [] : statuses.filter { !here.contains($0.host) && $0.phase != "end" }
        return HangDump(target: target, entries: entries, others: others, date: date)
    }

    /// The folder of the job's logs; nil: it was started without the launcher.
    var logs: String? { entries.lazy.compactMap(\.process.logs).first }

    /// A line for each rank.
    var summary: [String] {
        entries.flatMap { $0.summary(at: date) }
            + others.map { "rank \($0.rank) on \($0.host): \($0.words(at: date)) (for its stacks run this there)" }
    }

    /// All of it.
    var text: String {
        let stamp = date.formatted(.iso8601)
        let parts = entries.map { entry in
            (["== \(entry.process.name), process \(entry.process.identifier)"] + entry.stacks.lines)
                .joined(separator: "\n")
        }
        return (["dump of \(target), \(stamp)"] + summary + parts).joined(separator: "\n\n") + "\n"
    }

    /// Writes it beside the ranks' logs, or into the temporary folder where there are none; the file's path.
    /// - Throws: `AltaError` where that folder cannot be written.
    func write() throws(AltaError) -> String {
        let folder = logs ?? FileManager.default.temporaryDirectory.path
        let name = "dump-\(HangDump.stamp(date)).txt"
        let path = "\(folder)/\(name)"
        do { try Data(text.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
            throw AltaError("cannot write the dump", why: error.localizedDescription, file: path)
        }
        return path
    }

    /// `20260131-235959`, in the local time.
    static func stamp(_ date: Date) -> String {
        let parts = Calendar(identifier: .gregorian).dateComponents(
            [.year, .month, .day, .hour, .minute, .second], from: date)
        func two(_ value: Int?) -> String { String(String(100 + (value ?? 0)).dropFirst()) }
        return "\(parts.year ?? 0)\(two(parts.month))\(two(parts.day))-\(two(parts.hour))\(two(parts.minute))"
            + two(parts.second)
    }
}

extension HangDump.Entry {
    /// A line for each rank of the process.
    func summary(at date: Date) -> [String] {
        guard !statuses.isEmpty else { return [line(process.name, nil, "LWP \(process.identifier))", date)] }
        return statuses.map { status in
            let thread = process.threadCount == nil ? "LWP \(process.identifier))" : "\"rank \(status.rank)\""
            return line("rank \(status.rank)", status, thread, date)
        }
    }

    private func line(_ name: String, _ status: RankStatus?, _ thread: String, _ date: Date) -> String {
        let functions = StackText.innermost(stacks.lines, thread: thread)
        let parts: [String?] = [
            stacks.state, status?.words(at: date), functions.isEmpty ? nil : functions.joined(separator: " < "),
        ]
        return "\(name) (process \(process.identifier)): " + parts.compactMap { $0 }.joined(separator: ", ")
    }
}

extension RankStatus {
    /// Where the rank is, and for how long.
    fileprivate func words(at date: Date) -> String {
        let call = isInCollective ? operation.map { ", in \($0.description)" } ?? "" : ""
        return "\(place)\(call), for \(max(0, Int(date.timeIntervalSince1970 - since))) s"
    }
}
