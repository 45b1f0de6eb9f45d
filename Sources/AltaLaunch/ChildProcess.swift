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
        let variables = environment.map { "\($0.key)=\($0.value)" }
        let result = withCStrings(arguments) { list in
            withCStrings(variables) { alta_launch_start(list[0], list, $0, output[1], error[1]) }
        }
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

    /// Sends a signal to mpirun alone; it hands TERM and INT on to its ranks, on every host.
    func send(_ signal: Int32) {
        kill(identifier, signal)
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
        for _ in 0..<60 {
            let remaining = descendants(of: getpid())
            if remaining.isEmpty { break }
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
