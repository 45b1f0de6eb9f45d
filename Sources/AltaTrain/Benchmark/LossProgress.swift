import Dispatch

/// Tells during long steps how far they are, and between them what is left.
///
/// Nothing inside an evaluation reports: what a step takes is known from the one before it, or from the warm-up.
struct LossProgress: Sendable {
    /// A step that takes less is not worth a line, seconds.
    static let longStepSeconds = 2.0
    /// Lines of one step are so far apart, seconds; or a twentieth of the step, where that is longer.
    static let intervalSeconds = 10.0

    let steps: Int
    let notice: @Sendable (String) -> Void

    /// A line of its own.
    func note(_ text: String) { notice(text) }

    /// Runs a step of about `expectedSeconds`; while it takes long, another thread tells of it.
    func during<Result>(step: Int, expectedSeconds: Double, _ body: () throws -> Result) rethrows -> Result {
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "progress of bench loss"))
        timer.schedule(
            deadline: .now() + LossProgress.longStepSeconds,
            repeating: max(LossProgress.intervalSeconds, expectedSeconds / 20))
        let started = ContinuousClock.now
        timer.setEventHandler {
            let elapsed = PhaseClock.seconds(started.duration(to: .now))
            notice(text(step: step, elapsedSeconds: elapsed, expectedSeconds: expectedSeconds))
        }
        timer.resume()
        defer { timer.cancel() }
        return try body()
    }

    /// Such as `step 2 of 3: 0:12 of about 0:40, about 1:08 left`.
    func text(step: Int, elapsedSeconds: Double, expectedSeconds: Double) -> String {
        let left =
            max(0, expectedSeconds - elapsedSeconds) + Double(steps - step) * max(expectedSeconds, elapsedSeconds)
        let (elapsed, expected) = (ProgressLine.duration(elapsedSeconds), ProgressLine.duration(expectedSeconds))
        return "step \(step) of \(steps): \(elapsed) of about \(expected), about \(ProgressLine.duration(left)) left"
    }
}
