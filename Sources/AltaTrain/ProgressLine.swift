import AltaCore
import Foundation

/// The one line that a person watches: step, losses by name, studies a second, time left.
///
/// On a terminal the line is rewritten; elsewhere lines follow each other, at most one a second and the last.
final class ProgressLine {
    private let totalSteps: Int
    private let isTerminal: Bool
    private let started = ContinuousClock.now
    private var first: (step: Int, seconds: Double)?
    private var shownSeconds = -Double.infinity

    init(totalSteps: Int, isTerminal: Bool) {
        self.totalSteps = totalSteps
        self.isTerminal = isTerminal
    }

    func show(_ report: StepReport) {
        let seconds = PhaseClock.seconds(started.duration(to: .now))
        let first = first ?? (report.step, seconds)
        self.first = first
        let isLast = report.step == totalSteps
        guard isLast || seconds - shownSeconds >= (isTerminal ? 0.2 : 1) else { return }
        shownSeconds = seconds
        let perStep = (seconds - first.seconds) / Double(max(report.step - first.step, 1))
        let left = report.step == first.step ? nil : perStep * Double(totalSteps - report.step)
        let line = ProgressLine.text(report, totalSteps: totalSteps, secondsLeft: left)
        let text = isTerminal ? "\r\u{1B}[K" + line + (isLast ? "\n" : "") : line + "\n"
        FileHandle.standardOutput.say(text)
    }

    static func text(_ report: StepReport, totalSteps: Int, secondsLeft: Double?) -> String {
        let losses = report.losses.named.map { "\($0.name) \(fixed($0.value, 3))" }.joined(separator: "  ")
        let left = secondsLeft.map { "  \(duration($0)) left" } ?? ""
        return "step \(report.step)/\(totalSteps)  \(losses)  \(fixed(report.studiesPerSecond, 1)) studies/s\(left)"
    }

    /// As 1:02:03 or 2:03.
    static func duration(_ seconds: Double) -> String {
        let total = Int(max(0, seconds).rounded())
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        let two = { (value: Int) in value < 10 ? "0\(value)" : "\(value)" }
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
    }

    /// A number with a fixed count of decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }
}

extension FileHandle {
    /// Writes what a person may read. Nobody reading, or a full disk behind it, is no reason to end a run.
    public func say(_ text: String) { try? write(contentsOf: Data(text.utf8)) }
}
