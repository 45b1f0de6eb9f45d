import AltaCore
import Foundation

/// What every rank of a running job on this host is doing, written to a file and, in short, to the screen.
struct HangDump {
    /// One process: who it is, what its ranks publish, and where its threads are.
    struct Entry: Sendable {
        let process: JobProcess
        let stacks: ProcessStacks
    }

    /// How long gdb may look at one process: it reads the symbols of all libraries first.
    static let stackSeconds = 30.0
    private static let processesAtOnce = 4

    let target: String
    let entries: [Entry]
    let date: Date

    /// Looks at every process of a job; a few at a time, so that few are stopped at once.
    /// - Throws: `AltaError` where no rank of that job runs here.
    static func take(_ target: String, limitSeconds: Double = stackSeconds) throws(AltaError) -> HangDump {
        let date = Date()
        let processes = try JobProcess.find(target)
        let gdb = Programs.find("gdb")
        let looks = Looks(count: processes.count)
        for start in stride(from: 0, to: processes.count, by: processesAtOnce) {
            let end = min(start + processesAtOnce, processes.count)
            DispatchQueue.concurrentPerform(iterations: end - start) { index in
                let stacks = ProcessStacks.look(
                    at: processes[start + index].identifier, gdb: gdb, limitSeconds: limitSeconds)
                looks.put(stacks, at: start + index)
            }
        }
        let entries = zip(processes, looks.all).map { Entry(process: $0, stacks: $1) }
        return HangDump(target: target, entries: entries, date: date)
    }

    /// The folder of the job's logs; nil: it was started without the launcher.
    var logs: String? { entries.lazy.compactMap(\.process.logs).first }

    /// A line for each process.
    var summary: [String] {
        entries.map { entry in
            let place = entry.stacks.innermost.isEmpty ? "" : ", in " + entry.stacks.innermost.joined(separator: " < ")
            return "\(entry.process.name) (process \(entry.process.identifier)): \(entry.stacks.state)\(place)"
        }
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

/// What threads found, each at its place.
private final class Looks: @unchecked Sendable {
    private let lock = NSLock()
    private var found: [ProcessStacks?]

    init(count: Int) { found = Array(repeating: nil, count: count) }

    func put(_ stacks: ProcessStacks, at index: Int) { lock.withLock { found[index] = stacks } }

    var all: [ProcessStacks] { lock.withLock { found.compactMap { $0 } } }
}
