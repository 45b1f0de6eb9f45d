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
    static func run(_ arguments: [String], limitSeconds: Double) -> Outcome {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        do { try process.run() } catch { return Outcome(status: 127, text: "\(error)") }
        try? pipe.fileHandleForWriting.close()
        let (bytes, isTimedOut) = read(
            pipe.fileHandleForReading.fileDescriptor, of: process, limitSeconds: limitSeconds)
        if isTimedOut { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, text: String(decoding: bytes, as: UTF8.self), isTimedOut: isTimedOut)
    }

    /// All bytes up to the end of the stream, of the process (a server that it started may keep the stream open) or of the
    /// time.
    private static func read(
        _ descriptor: Int32, of process: Process, limitSeconds: Double
    ) -> (bytes: [UInt8], isTimedOut: Bool) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(limitSeconds)
        while clock.now < end {
            var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&source, 1, 100) > 0 else {
                if !process.isRunning { return (bytes, false) }
                continue
            }
            let count = Foundation.read(descriptor, &chunk, chunk.count)
            if count <= 0 { return (bytes, false) }
            if bytes.count < longestOutput { bytes += chunk[..<count] }
        }
        return (bytes, true)
    }
}
