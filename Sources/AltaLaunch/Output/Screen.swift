import AltaCore
import Foundation

/// What the launcher shows its user, on standard output and standard error.
///
/// A screen may take nothing for as long as it likes: a pager that is not read, a terminal whose connection hangs. Who writes to
/// it never waits for it, so that signals and limits go on being seen; what it has no room for is left out and told of, and
/// stands in the ranks' logs.
final class Screen: Sendable {
    /// This process's own.
    static let shared = Screen()

    /// Which of the two streams.
    enum Stream: Int {
        case output, errors
        fileprivate var name: String { self == .output ? "standard output" : "standard error" }
    }

    private struct State {
        var streams = [ScreenStream(STDOUT_FILENO), ScreenStream(STDERR_FILENO)]
        var hasLeftOut = false
        /// When the wait for the streams at the end of all is over.
        var end: ContinuousClock.Instant?

        mutating func write(_ bytes: some Collection<UInt8>, on stream: Stream) {
            streams[stream.rawValue].write(bytes)
        }

        /// On standard error for both: standard output is rank 0's alone.
        mutating func tellLeftOut() {
            for stream in [Stream.output, .errors] {
                if let lines = streams[stream.rawValue].resume() { tell(lines, leftOutOn: stream) }
            }
        }

        mutating func tell(_ lines: Int, leftOutOn stream: Stream) {
            hasLeftOut = true
            let what = lines == 1 ? "1 line was" : "\(lines) lines were"
            let text = "warning: \(what) left out on \(stream.name), which took no more; the logs are whole\n"
            write(Array(text.utf8), on: .errors)
        }
    }

    private let state = Locked(State())

    /// Whether anything was left out.
    var hasLeftOut: Bool { state.withLock { $0.hasLeftOut } }

    /// What to poll for room; empty: nothing waits.
    var waiting: [Int32] { state.withLock { $0.streams.filter { $0.queue.count > 0 }.map(\.descriptor) } }

    /// Shows bytes, now or when the stream takes them.
    func show(_ bytes: some Collection<UInt8> & Sendable, on stream: Stream) {
        state.withLock {
            $0.write(bytes, on: stream)
            $0.tellLeftOut()
        }
    }

    /// Shows what the streams take now of what waits.
    func flush() {
        state.withLock {
            for index in $0.streams.indices { $0.streams[index].flush() }
            $0.tellLeftOut()
        }
    }

    /// Waits until everything is shown, and tells what of standard output was not. However often it is called, it waits 2 s in
    /// all.
    func drain() {
        let clock = ContinuousClock()
        let end = state.withLock { state in
            let end = state.end ?? clock.now + .seconds(2)
            state.end = end
            return end
        }
        while case let descriptors = waiting, !descriptors.isEmpty, clock.now < end {
            var sources = descriptors.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
            poll(&sources, nfds_t(sources.count), Int32(max(1, (end - clock.now) / .milliseconds(1))))
            flush()
        }
        state.withLock {
            let lines = $0.streams[Stream.output.rawValue].giveUp()
            if lines > 0 { $0.tell(lines, leftOutOn: .output) }
        }
    }
}
