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

    /// Stores the facts of a host.
    public init(name: String, slots: Int? = nil, grantedCores: Int? = nil, scheduledTasks: Int? = nil) {
        self.name = name
        self.slots = slots
        self.grantedCores = grantedCores
        self.scheduledTasks = scheduledTasks
    }

    /// A host file has a line a host, and few clusters have a million.
    private static let longestFileBytes = 16 << 20

    /// Reads an Open MPI host file: one host a line, `slots=N` where wanted, `#` begins a comment.
    ///
    /// A name given on several lines is one host with the sum of its slots, as mpirun counts it.
    /// - Throws: `AltaError` with file and row where the file is missing, empty or a slot count is no positive number.
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
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let name = words.first.map(String.init) else { continue }
            var slots: Int?
            for word in words.dropFirst() where word.hasPrefix("slots=") {
                guard let count = Int(word.dropFirst("slots=".count)), LaunchPlan.countRange.contains(count) else {
                    throw AltaError(
                        "\(word) is not a positive number of slots", remedy: "write slots=4", file: path,
                        row: index + 1)
                }
                slots = count
            }
            if let known = places[name] {
                hosts[known].slots = (hosts[known].slots ?? 1) + (slots ?? 1)
            } else {
                places[name] = hosts.count
                hosts.append(ClusterHost(name: name, slots: slots))
            }
        }
        return hosts
    }
}
