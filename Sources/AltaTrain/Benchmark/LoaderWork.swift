import AltaCore
import AltaData
import Foundation

/// The studies of a step, dealt to threads one by one.
final class LoaderWork: Sendable {
    private let preparer: StudyPreparer
    private let epoch: Int
    private let count: Int
    private let state = Locked<(taken: Int, processorSeconds: Double, error: AltaError?)>((0, 0, nil))

    init(preparer: StudyPreparer, epoch: Int, count: Int) {
        self.preparer = preparer
        self.epoch = epoch
        self.count = count
    }

    /// One thread's work: the next study until none is left or one failed.
    func run() {
        let start = LoaderWork.threadSeconds()
        do {
            while let place = take() {
                _ = try preparer.prepare(StudyIndex(place % preparer.source.count), epoch: epoch)
            }
        } catch {
            state.withLock { $0.error = (error as? AltaError) ?? AltaError("\(error)") }
        }
        let seconds = LoaderWork.threadSeconds() - start
        state.withLock { $0.processorSeconds += seconds }
    }

    /// What all threads computed, in seconds of one processor. Errors: what a thread met.
    func processorSeconds() throws -> Double {
        try state.withLock { state in
            if let error = state.error { throw error }
            return max(state.processorSeconds, 1e-9)
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.error == nil, state.taken < count else { return nil }
            state.taken += 1
            return state.taken - 1
        }
    }

    /// What this thread computed so far, waiting and other threads left out.
    static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
