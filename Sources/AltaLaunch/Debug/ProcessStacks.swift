import AltaCore
import Foundation

/// What a process is doing: the stacks of its threads where a debugger may look, and what the kernel tells anyway.
package struct ProcessStacks: Sendable {
    /// What is written to the file.
    var lines: [String]
    /// Its state in a word, such as `sleeping`.
    var state: String

    /// Looks at a process, at most for so many seconds; the process goes on, or stays stopped, as it was.
    ///
    /// - Parameter gdb: the debugger's program; nil: there is none.
    static func look(at process: Int32, gdb: String?, limitSeconds: Double) -> ProcessStacks {
        let status = fields("/proc/\(process)/status")
        let state = status["State"].map(word(ofState:)) ?? "gone"
        var found = ProcessStacks(lines: kernelLines(process, status), state: state)
        guard status["State"] != nil else { return found }
        if let tracer = status["TracerPid"].flatMap({ Int32($0) }), tracer != 0 {
            found.lines.append(
                "no stacks: a debugger is attached (process \(tracer)); ask it: thread apply all backtrace")
            return found
        }
        guard let gdb else {
            found.lines.append("no stacks: gdb was not found in PATH; install gdb on this host")
            return found
        }
        let outcome = BoundedCommand.run(
            [
                gdb, "-nx", "-batch", "-ex", "set pagination off", "-ex", "set complaints 0", "-ex",
                "set print frame-arguments scalars", "-ex",
                "thread apply all backtrace 60", "-p", "\(process)",
            ], limitSeconds: limitSeconds)
        let text = outcome.text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("During symbol reading") }.map { StackText.readable($0) }
        if StackText.hasFrames(text) {
            found.lines += text
        } else {
            found.lines.append("no stacks: \(why(outcome, text, limitSeconds))")
        }
        return found
    }

    private static func why(_ outcome: BoundedCommand.Outcome, _ text: [String], _ limitSeconds: Double) -> String {
        if outcome.isTimedOut { return "gdb had not finished after \(Int(limitSeconds)) s" }
        if text.contains(where: { $0.contains("not permitted") }) {
            return "tracing is not permitted; ask the administrator for kernel.yama.ptrace_scope=0, or in a container "
                + "for the capability SYS_PTRACE"
        }
        return "gdb ended with \(outcome.status): \(text.last { !$0.isEmpty } ?? "no word")"
    }

    /// What the kernel tells of a process and each of its threads.
    private static func kernelLines(_ process: Int32, _ status: [String: String]) -> [String] {
        let keys = ["State", "TracerPid", "Threads", "VmRSS", "VmPeak", "Cpus_allowed_list"]
        let facts = keys.compactMap { key in status[key].map { "\(key) \($0)" } }.joined(separator: ", ")
        let tasks = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? [])
            .compactMap { Int32($0) }.sorted()
        let threads = tasks.prefix(64).map { thread -> String in
            let path = "/proc/\(process)/task/\(thread)"
            let state = fields("\(path)/status")["State"] ?? "gone"
            let place = text("\(path)/wchan").flatMap { $0.isEmpty || $0 == "0" ? nil : $0 }
            let waits = place.map { ", in the kernel at \($0)" } ?? ""
            let stack = text("\(path)/stack").map { "\n" + $0 } ?? ""
            return "thread \(thread) (\(text("\(path)/comm") ?? "?")): \(state)\(waits)\(stack)"
        }
        return [facts] + threads
    }

    /// The word in `S (sleeping)`.
    package static func word(ofState text: String) -> String {
        let inside = text.split(separator: "(").last?.prefix { $0 != ")" } ?? ""
        return text.contains("(") && !inside.isEmpty ? String(inside) : text
    }

    private static func fields(_ path: String) -> [String: String] {
        let pairs = (text(path) ?? "").split(separator: "\n").compactMap { line -> (String, String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (String(line[..<colon]), value)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// A small file of the kernel; nil: it may not be read, or is gone.
    private static func text(_ path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: 1 << 16) else {
            return nil
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}
