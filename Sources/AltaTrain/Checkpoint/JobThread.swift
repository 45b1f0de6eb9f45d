import Foundation

/// A thread that does the jobs it is given one after the other.
final class JobThread: @unchecked Sendable {  // every property is used under `condition`
    private let condition = NSCondition()
    private var waiting: [@Sendable () -> Void] = []
    private var isBusy = false
    private var hasEnded = false

    private init() {}

    /// Starts a thread that waits for jobs.
    static func start(name: String) -> JobThread {
        let jobs = JobThread()
        let thread = Thread {
            while let job = jobs.next() { job() }
        }
        thread.name = name
        thread.start()
        return jobs
    }

    /// Gives it a job, which it does after those it has.
    func add(_ job: @escaping @Sendable () -> Void) {
        condition.lock()
        waiting.append(job)
        condition.broadcast()
        condition.unlock()
    }

    /// Waits until every job is done, at most `limitSeconds`; whether they are.
    @discardableResult func wait(limitSeconds: Double) -> Bool {
        let limit = Date(timeIntervalSinceNow: limitSeconds)
        condition.lock()
        defer { condition.unlock() }
        while isBusy || !waiting.isEmpty {
            guard condition.wait(until: limit) else { return false }
        }
        return true
    }

    /// Waits until every job is done.
    func wait() {
        condition.lock()
        defer { condition.unlock() }
        while isBusy || !waiting.isEmpty { condition.wait() }
    }

    /// Ends the thread after the job at hand; those that wait are not done.
    func end() {
        condition.lock()
        hasEnded = true
        waiting = []
        condition.broadcast()
        condition.unlock()
    }

    /// The next job, waiting for one; nil: the end.
    private func next() -> (@Sendable () -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        isBusy = false
        condition.broadcast()
        while waiting.isEmpty && !hasEnded { condition.wait() }
        guard !hasEnded else { return nil }
        isBusy = true
        return waiting.removeFirst()
    }
}
