import AltaCore
import Foundation

/// How a job is started for debugging, and what the user is told of it.
struct Debugging {
    let ranks: DebuggedRanks
    /// How long a rank waits for a debugger, seconds; 0: without limit.
    let waitSeconds: Double
    /// The window of debuggers; nil: none is opened.
    let panes: DebuggerPanes?

    /// Makes the folder in which ranks tell that they wait, and opens the window.
    /// - Throws: `AltaError` where either cannot be.
    func prepare(logs: String) throws(AltaError) {
        let folder = DebuggedRanks.folder(in: logs)
        try? FileManager.default.removeItem(atPath: folder)
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw AltaError("cannot create the folder of waiting ranks", why: error.localizedDescription, file: folder)
        }
        let target = URL(filePath: logs).deletingLastPathComponent().path
        try panes?.open(
            ranks.ranks.map { rank in
                [
                    Programs.own, "debug", "--attach", target, "--ranks", "\(rank)", "--wait-seconds", "\(waitSeconds)",
                ]
            })
    }

    /// What the user is told before the job starts.
    func notes(logs: String) -> [String] {
        let list = (ranks.ranks.count == 1 ? "rank " : "ranks ") + ranks.ranks.map(String.init).joined(separator: ", ")
        switch ranks.use {
        case .none: return []
        case .wait:
            return [
                "note: waiting for a debugger in \(list)\(waitSeconds > 0 ? ", at most \(Int(waitSeconds)) s" : ""); each "
                    + "prints how to attach. To let all go: touch \(DebuggedRanks.folder(in: logs))/\(DebugRequest.releaseFile)"
            ]
        case .gdb:
            return [
                "note: gdb runs by itself in \(list): mpirun gives it no terminal. Where one crashes, the stacks of all "
                    + "its threads follow in \(logs)/rank-R.log. For a prompt use --tmux, or --wait and gdb in other terminals"
            ]
        case .panes: return (panes.map { ["note: \($0.invitation)"] } ?? [])
        }
    }
}
