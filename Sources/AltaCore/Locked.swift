import Foundation

/// A value that threads change one at a time.
///
/// Stands in for the standard library's `Mutex`, whose wait for another thread ends inside a library that the thread
/// sanitizer does not see into: it calls a contended `Mutex` a race (Swift 6.3). It follows this lock.
public final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    /// Keeps a value that no other thread has.
    public init(_ value: Value) { self.value = value }

    /// Runs `body` with the value to itself: no other thread is in `withLock` meanwhile, and `body` must not call it.
    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
