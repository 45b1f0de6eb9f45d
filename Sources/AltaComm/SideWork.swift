import Dispatch
import Synchronization

/// Work that may hang with a file system, on a thread of its own. What comes while some is under way is left out, so that
/// no more than one piece ever waits and whoever offers it never does.
package final class SideWork: Sendable {
    private let queue: DispatchQueue
    private let isUnderWay = Atomic<Bool>(false)

    /// - Parameter name: of the thread, for debuggers.
    package init(name: String) { queue = DispatchQueue(label: name) }

    /// Begins `work` and returns at once.
    ///
    /// - Returns: whether it was begun; false: what was offered before is still under way.
    @discardableResult
    package func offer(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard !isUnderWay.exchange(true, ordering: .acquiring) else { return false }
        queue.async {
            work()
            self.isUnderWay.store(false, ordering: .releasing)
        }
        return true
    }
}
