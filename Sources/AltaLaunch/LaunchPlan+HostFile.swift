import AltaCore
import Foundation

extension LaunchPlan {
    /// The host file that this plan needs, a host a line with its ranks as slots; nil: the plan is what mpirun makes of the
    /// user's own host file, or of this machine.
    public var writtenHostFile: String? {
        guard !request.hosts.isEmpty, !isFollowedByUsersFile else { return nil }
        let lines = plannedHosts.filter { !$0.ranks.isEmpty }.map { "\($0.host.name) slots=\($0.ranks.count)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// mpirun fills the slots of the user's file in order; where that is the plan, the file with all it says is handed on.
    private var isFollowedByUsersFile: Bool {
        guard request.hostFile != nil, request.lostHosts.isEmpty else { return false }
        guard hosts.count > 1 || hosts[0].slots != nil else { return true }
        let slots = hosts.compactMap(\.slots)
        return slots.count == hosts.count && Self.deal(ranks, limits: slots) == ranksOfHosts
    }

    /// Whether mpirun must be kept from counting slots as the scheduler does, which would put ranks elsewhere.
    var leavesSchedulersSlots: Bool {
        guard request.scheduler != nil else { return false }
        return Self.deal(ranks, limits: hosts.map { $0.scheduledTasks ?? 1 }) != ranksOfHosts
            || ranks > hosts.reduce(0) { $0 + ($1.scheduledTasks ?? 1) }
    }

    /// Where the host file of a job lies.
    static func hostFilePath(in folder: String) -> String { "\(folder)/hosts" }

    /// Writes the host file that the plan needs, if any, as `hosts` in a folder, and hands it on from then on.
    /// - Throws: `AltaError` where it cannot be written.
    public mutating func writeHostFile(in folder: String) throws(AltaError) {
        guard let text = writtenHostFile else { return }
        let path = Self.hostFilePath(in: folder)
        let temporary = "\(path).\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AltaError.system("cannot write the host file", file: temporary) }
        let isWritten = writeAll(Array(text.utf8), to: descriptor) && fsync(descriptor) == 0
        let code = errno
        close(descriptor)
        guard isWritten else { throw AltaError.system("cannot write the host file", file: temporary, code: code) }
        guard rename(temporary, path) == 0 else { throw AltaError.system("cannot write the host file", file: path) }
        hostFile = path
    }
}
