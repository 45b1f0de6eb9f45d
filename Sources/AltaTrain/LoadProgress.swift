import AltaModel
import Foundation

/// Lines on standard error while weights are loaded, where that takes longer than a person likes to wait for nothing.
final class LoadProgress {
    /// From when on there is a line, and how long after it the next one comes, in seconds.
    static let intervalSeconds = 2.0

    private let total: Int
    private let tells: Bool
    private let started = ContinuousClock.now
    private var done = 0
    private var nextSeconds = LoadProgress.intervalSeconds

    private init(total: Int, tells: Bool) {
        self.total = total
        self.tells = tells
    }

    /// Begins with nothing loaded of the weights `indices`; only one that `tells` says anything.
    static func start(_ plan: WeightPlan, _ indices: [Int], tells: Bool) -> LoadProgress {
        LoadProgress(total: indices.reduce(0) { $0 + plan.places[$1].spec.count }, tells: tells)
    }

    /// So many more numbers are loaded.
    func add(_ numbers: Int) {
        done += numbers
        guard tells else { return }
        let seconds = PhaseClock.seconds(started.duration(to: .now))
        guard seconds >= nextSeconds, done < total else { return }
        nextSeconds = seconds + LoadProgress.intervalSeconds
        FileHandle.standardError.say("loading weights: \(100 * done / total) %, \(Int(seconds)) s\n")
    }
}
