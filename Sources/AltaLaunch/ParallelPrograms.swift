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

        /// Reads what is there; bounded, so that one that prints for ever keeps nobody waiting.
        mutating func read() {
            var buffer = [UInt8](repeating: 0, count: 1 << 14)
            for (stream, descriptor) in [child.standardOutput, child.standardError].enumerated() {
                for _ in 0..<8 {
                    let count = Foundation.read(descriptor, &buffer, buffer.count)
                    guard count > 0 else { break }
                    if printed[stream].count < longestOutput { printed[stream] += buffer[..<count] }
                }
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
            while let (process, status) = Self.ended() {
                guard var running = open.removeValue(forKey: process) else { continue }
                running.read()
                running.child.closeStreams()
                outcomes[running.index] = ProbeOutcome(status: status, lines: running.lines)
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

    /// A child that has ended, and its exit status, 128 + signal where it was killed.
    private static func ended() -> (process: Int32, status: Int32)? {
        var status: Int32 = 0
        let process = waitpid(-1, &status, WNOHANG)
        guard process > 0 else { return nil }
        let signal = status & 0x7f
        return (process, signal == 0 ? (status >> 8) & 0xff : 128 + signal)
    }
}
