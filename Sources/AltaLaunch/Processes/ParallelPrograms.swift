import AltaCore
import Foundation

/// Programs that run beside each other, each to its end or that of its time, and whose output is kept.
///
/// Use it on the main thread, with no job under way: whatever is left of a program is killed.
struct ParallelPrograms {
    let signals: SignalSource
    /// How long each may take.
    let limitSeconds: Double
    /// So many run at once.
    private static let width = 16
    private static let longestOutput = 1 << 20

    private struct Running {
        let index: Int
        let child: ChildProcess
        let since: ContinuousClock.Instant
        var printed: [[UInt8]] = [[], []]

        /// Keeps what it printed meanwhile.
        mutating func read() {
            child.readOutput { stream, bytes in
                if printed[stream].count < longestOutput { printed[stream] += bytes }
            }
        }

        var lines: [String] {
            printed.flatMap { String(decoding: $0, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init) }
        }
    }

    /// Runs the programs, each given with its arguments, itself first.
    ///
    /// - Returns: how each ended, in order, without a status where it took too long; or the signal that asks this process to
    ///   end, which ends the programs too.
    /// - Throws: `AltaError` where one cannot be started here.
    func run(_ programs: [[String]]) throws(AltaError) -> (outcomes: [ProbeOutcome], signal: Int32?) {
        var outcomes = programs.map { _ in ProbeOutcome(status: nil, lines: []) }
        var next = 0
        var open: [Int32: Running] = [:]
        let clock = ContinuousClock()
        defer {
            for running in open.values { Self.end(running.child) }
            ChildProcess.killRemaining()
        }
        while next < programs.count || !open.isEmpty {
            while next < programs.count, open.count < Self.width {
                let child = try ChildProcess(
                    arguments: programs[next], environment: ProcessInfo.processInfo.environment)
                open[child.identifier] = Running(index: next, child: child, since: clock.now)
                next += 1
            }
            if let signal = signals.wait(seconds: 0) { return (outcomes, signal) }
            for process in open.keys { open[process]?.read() }
            var hasNews = false
            while let ended = ChildProcess.reap() {
                guard var running = open.removeValue(forKey: ended.identifier) else { continue }
                running.read()
                running.child.closeStreams()
                outcomes[running.index] = ProbeOutcome(status: ended.status, lines: running.lines)
                hasNews = true
            }
            for (process, running) in open where clock.now - running.since > .seconds(limitSeconds) {
                open[process] = nil
                outcomes[running.index].lines = running.lines
                Self.end(running.child)
            }
            if !hasNews { usleep(20_000) }
        }
        return (outcomes, nil)
    }

    private static func end(_ child: ChildProcess) {
        kill(-child.identifier, SIGKILL)
        child.closeStreams()
    }
}
