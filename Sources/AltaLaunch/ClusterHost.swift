import AltaCore
import Foundation

/// One line of a host file: a machine, and how many ranks it takes.
public struct ClusterHost: Equatable, Sendable {
    /// The name or address.
    public var name: String
    /// `slots=`; nil: mpirun takes the machine's cores.
    public var slots: Int?

    /// Stores a line of a host file.
    public init(name: String, slots: Int? = nil) {
        self.name = name
        self.slots = slots
    }

    /// Reads an Open MPI host file: one host a line, `slots=N` where wanted, `#` begins a comment.
    ///
    /// A name given on several lines is one host with the sum of its slots, as mpirun counts it.
    /// - Throws: `AltaError` with file and row where the file is missing, empty or a slot count is no positive number.
    public static func load(hostFile path: String) throws(AltaError) -> [ClusterHost] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw AltaError(
                "cannot read the host file", remedy: "give --hosts a file with one host name a line", file: path)
        }
        let hosts = try parse(String(decoding: data, as: UTF8.self), path: path)
        guard !hosts.isEmpty else {
            throw AltaError("the host file names no host", remedy: "write one host name a line", file: path)
        }
        return hosts
    }

    static func parse(_ text: String, path: String) throws(AltaError) -> [ClusterHost] {
        var hosts: [ClusterHost] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let name = words.first.map(String.init) else { continue }
            var slots: Int?
            for word in words.dropFirst() where word.hasPrefix("slots=") {
                guard let count = Int(word.dropFirst("slots=".count)), count >= 1 else {
                    throw AltaError(
                        "\(word) is not a positive number of slots", remedy: "write slots=4", file: path,
                        row: index + 1)
                }
                slots = count
            }
            if let known = hosts.firstIndex(where: { $0.name == name }) {
                hosts[known].slots = (hosts[known].slots ?? 1) + (slots ?? 1)
            } else {
                hosts.append(ClusterHost(name: name, slots: slots))
            }
        }
        return hosts
    }

    /// Cores the ranks on this host share: what the machine has where it is this machine, else what its slots claim.
    func coreCount(seenFrom machine: MachineDescription) -> Int {
        let isThisMachine = ["localhost", "127.0.0.1", machine.hostName].contains(name)
        guard let slots else { return machine.coreCount }
        return isThisMachine ? min(slots, machine.coreCount) : slots
    }
}
