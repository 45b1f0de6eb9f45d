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

    private let streams = Locked([ScreenStream(STDOUT_FILENO), ScreenStream(STDERR_FILENO)])

    /// Shows bytes, now or when the stream takes them.
    func show(_ bytes: some Collection<UInt8> & Sendable, on stream: Stream) {
        streams.withLock {
            $0[stream.rawValue].write(bytes)
            Self.tellLeftOut(&$0)
        }
    }

    /// Shows what the streams take now of what waits.
    func flush() {
        streams.withLock {
            for index in $0.indices { $0[index].flush() }
            Self.tellLeftOut(&$0)
        }
    }

    /// What to poll for room; empty: nothing waits.
    var waiting: [Int32] { streams.withLock { $0.filter { $0.queue.count > 0 }.map(\.descriptor) } }

    /// Waits until everything is shown, so many seconds at most, and tells what was not.
    func drain(seconds: Double) {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        while case let descriptors = waiting, !descriptors.isEmpty, clock.now < end {
            var sources = descriptors.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
            poll(&sources, nfds_t(sources.count), Int32(max(1, (end - clock.now) / .milliseconds(1))))
            flush()
        }
        streams.withLock {
            let lines = $0[Stream.output.rawValue].queue.unshownLines
            if lines > 0 { $0[Stream.errors.rawValue].write(Self.notice(lines, .output)) }
        }
    }

    /// On standard error for both: standard output is rank 0's alone.
    private static func tellLeftOut(_ streams: inout [ScreenStream]) {
        for stream in [Stream.output, .errors] {
            guard let lines = streams[stream.rawValue].resume() else { continue }
            streams[Stream.errors.rawValue].write(notice(lines, stream))
        }
    }

    private static func notice(_ lines: Int, _ stream: Stream) -> [UInt8] {
        let what = lines == 1 ? "1 line was" : "\(lines) lines were"
        return Array("warning: \(what) left out on \(stream.name), which took no more; the logs are whole\n".utf8)
    }
}
