import AltaCore
import Foundation

/// A tmux window with a pane for each debugged rank, in which gdb attaches to it.
package struct DebuggerPanes {
    /// The window's name: that of its session where the launcher runs outside tmux.
    let name: String
    let tmux: String
    /// Whether the launcher runs inside tmux; the window then opens there.
    let isInside: Bool

    /// The argument lists of tmux that open the panes: pure. Each pane runs a program with arguments, no shell.
    package func opening(_ panes: [[String]]) -> [[String]] {
        guard let first = panes.first else { return [] }
        let open =
            isInside
            ? [tmux, "new-window", "-d", "-n", name] : [tmux, "new-session", "-d", "-s", name, "-x", "200", "-y", "60"]
        let others = panes.dropFirst().flatMap { pane in
            // Laid out after each, or the next has no room.
            [[tmux, "split-window", "-d", "-t", target] + pane, [tmux, "select-layout", "-t", target, "tiled"]]
        }
        return [open + first] + others
    }

    /// What closes them: pure.
    package var closing: [String] { [tmux, isInside ? "kill-window" : "kill-session", "-t", target] }

    /// What the user does to see them.
    package var invitation: String {
        isInside
            ? "the debuggers are in the tmux window \(name)"
            : "the debuggers are in a tmux session of their own; see them by: tmux attach -t \(name)"
    }

    private var target: String { isInside ? ":\(name)" : "=\(name):" }

    /// Stores the parts.
    package init(name: String, tmux: String, isInside: Bool) {
        self.name = name
        self.tmux = tmux
        self.isInside = isInside
    }

    /// The window of a launcher.
    /// - Throws: `AltaError` where there is no tmux.
    init(environment: [String: String], process: Int32) throws(AltaError) {
        guard let tmux = Programs.find("tmux") else {
            throw AltaError(
                "tmux was not found", why: "it is in no folder of PATH",
                remedy: "install tmux, or leave out --tmux and use --wait: each rank then prints how to attach to it")
        }
        self.init(
            name: "alta-debug-\(process)", tmux: tmux, isInside: environment["TMUX"].map { !$0.isEmpty } ?? false)
    }

    /// Opens the panes.
    /// - Throws: `AltaError` where tmux refuses; none is left open then.
    func open(_ panes: [[String]]) throws(AltaError) {
        for arguments in opening(panes) {
            let outcome = BoundedCommand.run(arguments, limitSeconds: 10)
            if outcome.status == 0 { continue }
            close()
            throw AltaError(
                "tmux opens no pane", why: outcome.text.split(separator: "\n").first.map(String.init),
                remedy: "leave out --tmux and use --wait: each rank then prints how to attach to it")
        }
    }

    /// Closes the panes, with what still runs in them.
    func close() { _ = BoundedCommand.run(closing, limitSeconds: 10) }
}
