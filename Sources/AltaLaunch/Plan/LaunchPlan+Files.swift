import AltaCore
import Foundation

extension LaunchPlan {
    /// The host file that this plan needs, a host a line with its ranks as slots; nil: the plan is what mpirun makes of the
    /// user's own host file, or of this machine.
    public var writtenHostFile: String? {
        guard !request.hosts.isEmpty, !isFollowedByUsersFile else { return nil }
        let lines = plannedHosts.filter { !$0.ranks.isEmpty }.map { planned in
            let user = planned.host.userName.map { " username=\($0)" } ?? ""
            return "\(planned.host.name) slots=\(planned.ranks.count)\(user)"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// mpirun fills the slots of the user's file in order; where that is the plan, the file with all it says is handed on.
    private var isFollowedByUsersFile: Bool {
        // mpirun refuses slots under two names of one host.
        guard request.hostFile != nil, request.lostHosts.isEmpty, hosts.count == request.hosts.count else {
            return false
        }
        guard hosts.count > 1 || hosts[0].slots != nil else { return true }
        let slots = hosts.compactMap(\.slots)
        return slots.count == hosts.count && Self.deal(ranks, limits: slots) == ranksOfHosts
    }

    /// Whether mpirun must be kept from counting slots as the scheduler does, which would put ranks elsewhere.
    var leavesSchedulersSlots: Bool {
        guard let scheduler = request.scheduler else { return false }
        // What Slurm's processors of each task would do to mpirun's slots is not left to it.
        if scheduler == .slurm, threadsPerRank > 1 { return true }
        return Self.deal(ranks, limits: hosts.map { $0.scheduledTasks ?? 1 }) != ranksOfHosts
            || ranks > hosts.reduce(0) { $0 + ($1.scheduledTasks ?? 1) }
    }

    /// The list of cores that this plan needs, a rank a line, numbered from 0 in mpirun's order; nil: mpirun finds them itself.
    public var writtenRankFile: String? {
        guard mapping == .listed, let host = plannedHosts.first else { return nil }
        let numbers = Dictionary(
            uniqueKeysWithValues: host.coresOfMemoryNodes.flatMap(\.cores).enumerated().map { ($1, $0) })
        let lines = zip(host.ranks, host.coresOfRanks).map { rank, cores in
            "rank \(rank)=localhost slot=\(CoreList(cores.cores.compactMap { numbers[$0] }).text)"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static let hostFileName = "hosts"
    static let rankFileName = "places"

    /// The files that the plan needs besides the user's own, each with its name in the folder of the ranks' output.
    public var writtenFiles: [(name: String, text: String)] {
        [(Self.hostFileName, writtenHostFile), (Self.rankFileName, writtenRankFile)].compactMap { name, text in
            text.map { (name, $0) }
        }
    }

    /// Hands on the files that the plan needs from then on, as they are, or will be, in a folder.
    mutating func useFiles(in folder: String) {
        if writtenHostFile != nil { hostFile = "\(folder)/\(Self.hostFileName)" }
        if writtenRankFile != nil { rankFile = "\(folder)/\(Self.rankFileName)" }
    }

    /// What a dry run tells of the files that would be written to a folder.
    func coming(filesIn folder: String) -> String {
        writtenFiles.map { "\n\n\(folder)/\($0.name) will hold\n\($0.text)" }.joined()
    }

    /// Writes the files that the plan needs, if any, and hands them on from then on.
    /// - Throws: `AltaError` where one cannot be written.
    public mutating func writeFiles(in folder: String) throws(AltaError) {
        for (name, text) in writtenFiles { try AtomicFile.write("\(folder)/\(name)", text: text) }
        useFiles(in: folder)
    }
}
