import AltaCore
import Foundation

/// Prepares the next step's studies on a thread of its own while the present one trains.
///
/// One step ahead, in order; a failure is handed over in its step's place and ends the stream.
public final class BatchStream: @unchecked Sendable {  // every property is used under `condition`
    private let condition = NSCondition()
    private var ready: Result<[PreparedStudy], AltaError>?
    private var isCancelled = false
    private var hasEnded = false

    private init() {}

    /// Starts preparing `steps` in order; `prepare` runs on the stream's thread.
    public static func start(
        steps: Range<Int>, prepare: @escaping @Sendable (_ step: Int) throws -> [PreparedStudy]
    ) -> BatchStream {
        let stream = BatchStream()
        let thread = Thread {
            for step in steps {
                let result = Result { try prepare(step) }.mapError { ($0 as? AltaError) ?? AltaError("\($0)") }
                guard stream.offer(result), case .success = result else { break }
            }
            stream.end()
        }
        thread.name = "alta-batches"
        thread.start()
        return stream
    }

    /// The next step's studies, waiting for them where they are not ready. One call for each step; traps for more.
    public func next() -> Result<[PreparedStudy], AltaError> {
        condition.lock()
        defer { condition.unlock() }
        while ready == nil && !hasEnded { condition.wait() }
        guard let next = ready else { preconditionFailure("a batch stream was asked for more steps than it has") }
        ready = nil
        condition.broadcast()
        return next
    }

    /// Ends the stream after the step it is preparing.
    public func cancel() {
        condition.lock()
        isCancelled = true
        condition.broadcast()
        condition.unlock()
    }

    private func end() {
        condition.lock()
        hasEnded = true
        condition.broadcast()
        condition.unlock()
    }

    /// Waits for room and puts a result down; false where the stream was cancelled.
    private func offer(_ result: Result<[PreparedStudy], AltaError>) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while ready != nil && !isCancelled { condition.wait() }
        guard !isCancelled else { return false }
        ready = result
        condition.broadcast()
        return true
    }
}
