import AltaCore
import Foundation

/// Progress on standard error, for work of more than two seconds: one line that is written over on a terminal, plain
/// lines elsewhere.
final class ProgressLine: Sendable {
    private let verb: String
    private let start: ContinuousClock.Instant
    private let isTerminal = isatty(2) == 1
    private let shown = Locked<(lines: Int, last: Double, first: Int?)>((0, 0, nil))

    /// - Parameter verb: what is being done, as `synthesize`.
    init(_ verb: String, start: ContinuousClock.Instant) {
        self.verb = verb
        self.start = start
    }

    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

    /// Shows how far the work is, where that is due.
    func show(done: Int, total: Int) {
        let seconds = self.seconds
        let first = shown.withLock { shown -> Int? in
            // What was there before this process began says nothing about its speed.
            let first = shown.first ?? done - 1
            shown.first = first
            let isDue =
                seconds >= 2
                && (isTerminal ? seconds - shown.last >= 0.2 : seconds - shown.last >= 10 || shown.lines == 0)
            guard isDue else { return nil }
            (shown.lines, shown.last) = (shown.lines + 1, seconds)
            return first
        }
        guard let first else { return }
        let left = Int(seconds / Double(max(done - first, 1)) * Double(total - done) + 0.5)
        let text = "\(verb): \(done) of \(total) studies, \(left) s left"
        FileHandle.standardError.write(Data((isTerminal ? "\r\(text)   " : "\(text)\n").utf8))
    }

    /// Ends the line on a terminal.
    func finish() {
        if isTerminal, shown.withLock({ $0.lines }) > 0 { FileHandle.standardError.write(Data("\n".utf8)) }
    }
}
