import AltaCore
import Foundation

/// What the ranks print, kept in a file each and, of every rank, the last lines.
///
/// A log is opened for each piece and closed again, so that a job of a thousand ranks needs no thousand descriptors.
public struct RankOutput {
    /// The folder of the logs.
    public let folder: String
    private var tails: [OutputSource: LineTail] = [:]
    private var endedWithReturn: Set<OutputSource> = []
    private(set) var writeFailure: String?
    /// mpirun's first report of a rank that ended badly.
    private(set) var firstBadEnding: String?
    /// What mpirun had said when the launcher began to end the job; nil: it did not.
    private var linesBeforeEnd: [String]?
    /// The number that mpirun gave its job.
    private(set) var jobFamily: UInt32?

    /// Keeps logs in a folder that exists.
    public init(folder: String) {
        self.folder = folder
    }

    /// Makes the log of each rank, so that a rank that printed nothing can be told from one that never was. A log that
    /// goes on gets the heading as a line of its own.
    public mutating func begin(rankCount: Int, heading: String) {
        for rank in 0..<rankCount { begin(path(of: .rank(rank)), heading) }
        begin(path(of: .launcher), heading)
        if access(path(of: .mpirun), F_OK) == 0 { begin(path(of: .mpirun), heading) }
    }

    private mutating func begin(_ path: String, _ heading: String) {
        let lastByte = FileHandle(forReadingAtPath: path).flatMap { file -> UInt8? in
            guard let end = try? file.seekToEnd(), end > 0 else { return nil }
            try? file.seek(toOffset: end - 1)
            return (try? file.read(upToCount: 1))?.first
        }
        guard let lastByte else { return write([], to: path) }
        write(Array(((lastByte == UInt8(ascii: "\n") ? "" : "\n") + heading + "\n").utf8), to: path)
    }

    /// The launcher's own log in a folder of logs.
    static func launcherLog(in folder: String) -> String { "\(folder)/launch.log" }

    /// The path of a source's log.
    public func path(of source: OutputSource) -> String {
        switch source {
        case .rank(let rank): "\(folder)/rank-\(rank).log"
        case .mpirun: "\(folder)/mpirun.log"
        case .launcher: Self.launcherLog(in: folder)
        }
    }

    /// The lowest rank among whose kept lines one begins with `error: `.
    public var firstRankWithError: Int? {
        tails.keys
            .compactMap { source in if case .rank(let rank) = source { rank } else { nil } }
            .filter { !errorLines(of: .rank($0)).isEmpty }.min()
    }

    /// What mpirun said of the first rank that failed, given its exit status where it has ended.
    ///
    /// Of a job that the launcher ended: of the rank that had failed before.
    public func messages(status: Int32?) -> MpirunMessages {
        let said = MpirunMessages(lines: lastLines(of: .mpirun), stateReport: firstBadEnding, status: status)
        guard let linesBeforeEnd else { return said }
        let before = MpirunMessages(lines: linesBeforeEnd, stateReport: firstBadEnding, status: status)
        return said.rank == before.rank ? said : said.with(endingOf: before)
    }

    /// From now on the launcher ends the job: ranks that mpirun names as ended after this were ended by that.
    public mutating func keepEnding() {
        linesBeforeEnd = linesBeforeEnd ?? lastLines(of: .mpirun)
    }

    /// The last complete or begun lines of a source, oldest first.
    public func lastLines(of source: OutputSource) -> [String] {
        tails[source]?.lines ?? []
    }

    /// The lines of a source that begin with `error: `, of those still kept, oldest first.
    public func errorLines(of source: OutputSource) -> [String] {
        lastLines(of: source).filter { $0.hasPrefix("error: ") }
    }

    /// Adds a piece. A carriage return, with which progress rewrites its line, becomes a line end in the log.
    public mutating func append(_ bytes: ArraySlice<UInt8>, of source: OutputSource) {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var previousWasReturn = endedWithReturn.contains(source)
        for byte in bytes {
            if byte == UInt8(ascii: "\r") {
                text.append(UInt8(ascii: "\n"))
            } else if !(byte == UInt8(ascii: "\n") && previousWasReturn) {
                text.append(byte)
            }
            previousWasReturn = byte == UInt8(ascii: "\r")
        }
        if previousWasReturn { endedWithReturn.insert(source) } else { endedWithReturn.remove(source) }
        let ended = tails[source, default: LineTail(limit: source == .mpirun ? 200 : 40)].append(text)
        if source == .mpirun, jobFamily == nil {
            jobFamily = ended.lazy.compactMap(MpirunMessages.jobFamily(inStateReport:)).first
        }
        if source == .mpirun, firstBadEnding == nil, linesBeforeEnd == nil {
            firstBadEnding = ended.first(where: MpirunMessages.isBadEnding)
        }
        write(text, to: path(of: source))
    }

    private mutating func write(_ bytes: [UInt8], to path: String) {
        guard let code = appendAll(bytes, to: path) else { return }
        writeFailure = writeFailure ?? "\(path): \(AltaError.systemText(code))"
    }
}

/// Adds bytes to the end of a file, which is made where it is missing.
///
/// - Parameter flushes: whether they are on the disk afterwards.
/// - Returns: the `errno` of what failed; nil: nothing did.
func appendAll(_ bytes: [UInt8], to path: String, flushes: Bool = false) -> Int32? {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    return writeAll(bytes, to: descriptor) && (!flushes || fsync(descriptor) == 0) ? nil : errno
}

/// Writes every byte; false where the descriptor takes no more (`errno` says why).
func writeAll(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
    let buffer = Array(bytes)
    var start = 0
    while start < buffer.count {
        let count = buffer[start...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
            start += count
        } else if errno == EAGAIN {
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&ready, 1, 1000)
        } else if errno != EINTR {
            return false
        }
    }
    return true
}

/// The last lines of a text that grows, each cut to a bearable length.
struct LineTail {
    private var kept: [String] = []
    private var begun: [UInt8] = []
    private let limit: Int
    private static let longestLine = 2000

    init(limit: Int) {
        self.limit = limit
    }

    /// Oldest first; empty lines are left out.
    var lines: [String] { kept + (begun.isEmpty ? [] : [String(decoding: begun, as: UTF8.self)]) }

    /// Adds bytes; returns the lines that they ended.
    mutating func append(_ bytes: [UInt8]) -> [String] {
        var ended: [String] = []
        for byte in bytes {
            if byte != UInt8(ascii: "\n") {
                if begun.count < Self.longestLine { begun.append(byte) }
            } else if !begun.isEmpty {
                ended.append(String(decoding: begun, as: UTF8.self))
                begun.removeAll(keepingCapacity: true)
            }
        }
        kept += ended.filter { !MpirunMessages.isStateReport($0) }
        if kept.count > limit { kept.removeFirst(kept.count - limit) }
        return ended
    }
}
