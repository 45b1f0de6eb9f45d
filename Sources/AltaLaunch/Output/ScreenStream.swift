import Foundation

/// A stream that this process was started with, written to without ever waiting for those who read it.
package struct ScreenStream {
    /// What to poll, and where to write.
    let descriptor: Int32
    /// What it has not taken yet.
    package private(set) var queue: ScreenQueue
    private var isClosed = false

    /// A stream behind an open descriptor.
    package init(_ descriptor: Int32, limit: Int = ScreenQueue.usualLimit) {
        self.descriptor = Self.reopened(descriptor) ?? descriptor
        queue = ScreenQueue(limit: limit)
    }

    /// Writes what the stream takes now, and keeps the rest for later, as far as there is room.
    package mutating func write(_ bytes: some Collection<UInt8>) {
        guard !isClosed else { return }
        queue.append(bytes)
        flush()
    }

    /// Writes what the stream takes now.
    package mutating func flush() {
        while queue.count > 0, isReady {
            let count = queue.next.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                queue.took(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                isClosed = errno == EPIPE || errno == EBADF
                queue.clear()
            }
        }
    }

    /// How many lines were left out, once the stream takes bytes again; nil: none were.
    package mutating func resume() -> Int? { queue.resume() }

    /// Forgets what waits; how many lines the stream has not shown.
    package mutating func giveUp() -> Int {
        defer { queue.clear() }
        return queue.unshownLines
    }

    private var isReady: Bool {
        var source = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&source, 1, 0) > 0
    }

    /// The same pipe or terminal opened once more, so that a write never waits: O_NONBLOCK at the inherited descriptor would
    /// hold for the parent too, and a terminal that is ready may take less than a piece. nil: it is neither, or not ours.
    private static func reopened(_ descriptor: Int32) -> Int32? {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO || isatty(descriptor) == 1 else {
            return nil
        }
        let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        return own >= 0 ? own : nil
    }
}
