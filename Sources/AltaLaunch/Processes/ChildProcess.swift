import AltaCore
import CAltaSystem
import Foundation

/// A running mpirun, in a process group of its own, and the reading ends of its two output streams.
struct ChildProcess {
    let identifier: Int32
    let standardOutput: Int32
    let standardError: Int32

    /// Starts a program; call from the main thread, whose end ends the child too.
    /// - Throws: `AltaError` where the program cannot be started.
    init(arguments: [String], environment: [String: String]) throws(AltaError) {
        var output: [Int32] = [-1, -1]
        var error: [Int32] = [-1, -1]
        guard Foundation.pipe(&output) == 0, Foundation.pipe(&error) == 0 else {
            throw AltaError("cannot make a pipe", why: String(cString: strerror(errno)))
        }
        for descriptor in output + error { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        for descriptor in [output[0], error[0]] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        let result = Self.start(arguments, environment: environment, output: output[1], error: error[1])
        close(output[1])
        close(error[1])
        guard result > 0 else {
            close(output[0])
            close(error[0])
            throw AltaError(
                "cannot start mpirun", why: String(cString: strerror(-result)), remedy: "run Cluster/setup",
                file: arguments.first)
        }
        identifier = result
        standardOutput = output[0]
        standardError = error[0]
    }

    /// Starts a program whose output goes to open descriptors; its process, or a negative errno. It ends with this thread.
    static func start(
        _ arguments: [String], environment: [String: String], output: Int32, error: Int32
    ) -> Int32 {
        let variables = environment.map { "\($0.key)=\($0.value)" }
        return withCStrings(arguments) { list in
            withCStrings(variables) { alta_launch_start(list[0], list, $0, output, error) }
        }
    }

    /// Sends a signal to mpirun alone; it hands TERM and INT on to its ranks, on every host.
    func send(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Waits until it printed something, a signal came or a screen takes what waits for it, at most so long.
    func waitForNews(_ signals: SignalSource, screens: [Int32] = [], milliseconds: Int32) {
        var sources =
            [signals.descriptor, standardOutput, standardError].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            } + screens.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        poll(&sources, nfds_t(sources.count), milliseconds)
        // A stream that has ended is always "ready": do not spin between its end and the program's.
        if sources.contains(where: { $0.revents & Int16(POLLHUP) != 0 && $0.revents & Int16(POLLIN) == 0 }) {
            usleep(UInt32(milliseconds) * 100)
        }
    }

    /// Hands on what it printed: stream 0 is its output, 1 its errors.
    ///
    /// Bounded, so that one that prints for ever does not keep signals and limits from being seen.
    /// - Returns: whether there was anything.
    @discardableResult
    func readOutput(_ take: (_ stream: Int, _ bytes: ArraySlice<UInt8>) -> Void) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var hasPrinted = false
        for (stream, descriptor) in [standardOutput, standardError].enumerated() {
            for _ in 0..<16 {
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                take(stream, buffer[..<count])
                hasPrinted = true
            }
        }
        return hasPrinted
    }

    /// A child of this process that has ended.
    struct Ended {
        let identifier: Int32
        /// Its exit status; 128 + signal where it was killed.
        let status: Int32
        /// Whether a signal ended it.
        let wasKilled: Bool
    }

    /// The next child that has ended, whichever it is; nil: all live on.
    static func reap() -> Ended? {
        var status: Int32 = 0
        let process = waitpid(-1, &status, WNOHANG)
        guard process > 0 else { return nil }
        let signal = status & 0x7f
        return Ended(
            identifier: process, status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, wasKilled: signal != 0)
    }

    /// Lets go of its output.
    func closeStreams() {
        close(standardOutput)
        close(standardError)
    }

    /// Kills what was started under this process and is still there, and nothing else.
    ///
    /// Needs `alta_launch_supervise`: orphans then belong to this process, and it has started nothing but the job.
    /// - Returns: how many processes were killed.
    @discardableResult
    static func killRemaining() -> Int {
        var killed: Set<Int32> = []
        var emptyLooks = 0
        for _ in 0..<60 {
            let remaining = descendants(of: getpid())
            // A look is no moment: of a child that is read before its parent, and a parent that ends meanwhile, it sees
            // neither.
            emptyLooks = remaining.isEmpty ? emptyLooks + 1 : 0
            if emptyLooks == 3 { break }
            killed.formUnion(remaining)
            for process in remaining { kill(process, SIGKILL) }
            usleep(20_000)
            while waitpid(-1, nil, WNOHANG) > 0 {}
        }
        return killed.count
    }

    /// The living children of a process, their children and so on, from `/proc`.
    static func descendants(of root: Int32) -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = Int32(name),
                let data = FileManager.default.contents(atPath: "/proc/\(name)/stat")
            else { continue }
            // "12 (a name) S 1 ...": the name may hold anything, so what counts begins after the last parenthesis.
            let fields = String(decoding: data, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 1, let parent = Int32(fields[1]), fields[0] != "Z" else { continue }
            children[parent, default: []].append(process)
        }
        var found: [Int32] = []
        var open = [root]
        while let process = open.popLast() {
            found += children[process] ?? []
            open += children[process] ?? []
        }
        return found
    }
}

/// The strings as a null-terminated C array for the time of the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return copies.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("a null-terminated array is never empty") }
        return body(base)
    }
}
