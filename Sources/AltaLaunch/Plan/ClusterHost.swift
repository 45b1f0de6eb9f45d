import AltaCore
import Foundation

/// One machine of a job, as a host file or a scheduler names it.
public struct ClusterHost: Equatable, Sendable {
    /// The name or address.
    public var name: String
    /// `slots=` of a host file, the number of ranks it takes; nil: mpirun takes the machine's cores.
    public var slots: Int?
    /// Cores that a scheduler granted on it; nil: it does not say, or there is none.
    public var grantedCores: Int?
    /// Ranks that mpirun would put there by the scheduler's own count; nil: there is no scheduler.
    public var scheduledTasks: Int?
    /// Who is to log in there, where the host file says it; nil: the launcher's own user.
    public var userName: String?

    /// Stores the facts of a host.
    public init(name: String, slots: Int? = nil, grantedCores: Int? = nil, scheduledTasks: Int? = nil) {
        self.name = name
        self.slots = slots
        self.grantedCores = grantedCores
        self.scheduledTasks = scheduledTasks
    }

    /// The hosts with all names of this machine as one, the first, which has the slots of all: mpirun knows it to be one host too.
    static func merged(_ hosts: [ClusterHost], on machine: MachineDescription) -> [ClusterHost] {
        let own = hosts.filter { machine.isCalled($0.name) }
        guard own.count > 1, var whole = own.first else { return hosts }
        whole.slots = own.reduce(0) { $0 + ($1.slots ?? 1) }
        return hosts.compactMap { host in
            host.name == whole.name ? whole : machine.isCalled(host.name) ? nil : host
        }
    }

    /// A host file has a line a host, and few clusters have a million.
    private static let longestFileBytes = 16 << 20

    /// Reads an Open MPI host file: one host a line, `slots=N` (or another of mpirun's words for it) where wanted, `#` begins a
    /// comment.
    ///
    /// A name given on several lines is one host with the sum of its slots, as mpirun counts it.
    /// - Throws: `AltaError` with file and row where the file is missing, empty, has a word that mpirun does not know, or a slot
    ///   count is no positive number.
    public static func load(hostFile path: String) throws(AltaError) -> [ClusterHost] {
        guard let bytes = try? SmallFile.contents(path, what: "the host file", limit: longestFileBytes) else {
            throw AltaError(
                "cannot read the host file", remedy: "give --hosts a file with one host name a line", file: path)
        }
        let hosts = try parse(String(decoding: bytes, as: UTF8.self), path: path)
        guard !hosts.isEmpty else {
            throw AltaError("the host file names no host", remedy: "write one host name a line", file: path)
        }
        return hosts
    }

    static func parse(_ text: String, path: String) throws(AltaError) -> [ClusterHost] {
        var hosts: [ClusterHost] = []
        var places: [String: Int] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let host = try HostFileLine(String(line), path: path, row: index + 1).host else { continue }
            if let known = places[host.name] {
                hosts[known].slots = (hosts[known].slots ?? 1) + (host.slots ?? 1)
            } else {
                places[host.name] = hosts.count
                hosts.append(host)
            }
        }
        return hosts
    }
}

/// A line of a host file, by the words that Open MPI 4.1 knows.
private struct HostFileLine {
    let path: String
    let row: Int
    /// What it names; nil: it is empty, or a comment.
    private(set) var host: ClusterHost?

    private static let slotWords = ["slots", "cpu", "count"]
    private static let mostWords = slotWords.flatMap { word in
        ["-", "_"].flatMap { ["max\($0)\(word)", "\(word)\($0)max"] }
    }
    private static let userWords = ["username", "user-name", "user_name"]

    init(_ line: String, path: String, row: Int) throws(AltaError) {
        self.path = path
        self.row = row
        // Spaces around an equals sign are as none.
        let text = Self.withoutComment(line).replacing(/\s*=\s*/, with: "=")
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let name = words.first else { return }
        guard !name.contains("="), !name.contains(",") else {
            throw error("\(name) is no name of a host", "begin the line with the host, as node1 slots=4")
        }
        let user = name.split(separator: "@", maxSplits: 1).map(String.init)
        var host = user.count == 2 ? ClusterHost(name: user[1]) : ClusterHost(name: name)
        if user.count == 2 { host.userName = user[0] }
        var most: Int?
        for word in words.dropFirst() { try read(word, &host, &most) }
        if let slots = host.slots, let most, most < slots {
            throw error(
                "at most \(most) slots are fewer than \(slots)", "leave out the maximum, or write max_slots=\(slots)")
        }
        host.slots = host.slots ?? most
        self.host = host
    }

    private func read(_ word: String, _ host: inout ClusterHost, _ most: inout Int?) throws(AltaError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        switch parts[0] {
        case let key where Self.slotWords.contains(key):
            guard host.slots == nil else {
                throw error("\(word) is a second number of slots", "give one slots=N a line")
            }
            host.slots = try count(value, word)
        case let key where Self.mostWords.contains(key): most = try count(value, word)
        case let key where Self.userWords.contains(key) && !value.isEmpty: host.userName = value
        default:
            throw error("\(word) is no word of a host file", "write slots=4 for the ranks that the host takes")
        }
    }

    private func count(_ value: String, _ word: String) throws(AltaError) -> Int {
        guard let count = Int(value), LaunchPlan.countRange.contains(count) else {
            throw error("\(word) is not a positive number of slots", "write slots=4")
        }
        return count
    }

    private func error(_ what: String, _ remedy: String) -> AltaError {
        AltaError(what, remedy: remedy, file: path, row: row)
    }

    private static func withoutComment(_ line: String) -> Substring {
        let end = line.firstRange(of: "//")?.lowerBound ?? line.endIndex
        return line[..<end].prefix { $0 != "#" }
    }
}
