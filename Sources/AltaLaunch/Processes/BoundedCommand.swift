import Foundation

/// A program that is run to its end, or until its time is over, and whose output is kept.
enum BoundedCommand {
    /// What came of it.
    struct Outcome: Sendable {
        /// The exit code; the signal's number where one ended it; 127 where it could not be started.
        var status: Int32
        /// Standard output and error together, as far as `longestOutput` goes.
        var text: String
        /// Whether it was killed because its time was over.
        var isTimedOut = false
    }

    private static let longestOutput = 8 << 20

    /// Runs a program with its arguments, itself first, no shell, and nothing to read.
    ///
    /// Not by Foundation's `Process`: it takes a program for running as long as a server that it started does.
    static func run(_ arguments: [String], limitSeconds: Double) -> Outcome {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return Outcome(status: 127, text: String(cString: strerror(errno))) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let process = ChildProcess.start(
            arguments, environment: ProcessInfo.processInfo.environment, output: ends[1], error: ends[1])
        close(ends[1])
        guard process > 0 else { return Outcome(status: 127, text: String(cString: strerror(-process))) }
        return wait(for: process, reading: ends[0], limitSeconds: limitSeconds)
    }

    /// Reads up to the end of the process or of the time: the stream may stay open longer.
    private static func wait(for process: Int32, reading descriptor: Int32, limitSeconds: Double) -> Outcome {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var status: Int32 = 0
        var isTimedOut = false
        let clock = ContinuousClock()
        let end = clock.now + .seconds(limitSeconds)
        while true {
            let hasEnded = waitpid(process, &status, WNOHANG) != 0
            var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // Bounded, so that one that prints for ever meets its limit.
            for _ in 0..<16 {
                guard poll(&source, 1, hasEnded ? 0 : 50) > 0 else { break }
                let count = read(descriptor, &chunk, chunk.count)
                guard count > 0 else { break }
                if bytes.count < longestOutput { bytes += chunk[..<count] }
            }
            if hasEnded { break }
            guard clock.now < end, !isTimedOut else {
                isTimedOut = true
                kill(process, SIGKILL)
                continue
            }
            if source.revents & Int16(POLLHUP) != 0 { usleep(20_000) }
        }
        let signal = status & 0x7f
        return Outcome(
            status: signal == 0 ? (status >> 8) & 0xff : signal, text: String(decoding: bytes, as: UTF8.self),
            isTimedOut: isTimedOut)
    }
}
