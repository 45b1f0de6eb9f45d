import AltaCore
import Foundation

extension LaunchPlan {
    /// The same job on some of its hosts: as many ranks as before where they fit, else as many as fit.
    ///
    /// - Parameters:
    ///   - left: hosts of this plan, one at least, in its order.
    ///   - hostFile: where the shorter list of hosts is written, for mpirun.
    /// - Throws: `AltaError` where it cannot be written.
    func on(_ left: [ClusterHost], hostFile: String) throws(AltaError) -> LaunchPlan {
        guard left != hosts else { return self }
        let kept = hosts.indices.filter { index in left.contains { $0.name == hosts[index].name } }
        let room = kept.map { max(ranksPerNode ?? hosts[$0].slots ?? coresOfHosts[$0], ranksOfHosts[$0]) }
        var plan = self
        plan.hosts = kept.map { hosts[$0] }
        plan.coresOfHosts = kept.map { coresOfHosts[$0] }
        plan.ranks = min(ranks, room.reduce(0, +))
        plan.ranksOfHosts = Self.deal(plan.ranks, limits: room)
        plan.hostFile = hostFile
        // What was said of the slots holds: the cores of a host do not change with the others.
        let text = zip(plan.hosts, room).map { "\($0.name) slots=\($0.slots ?? $1)\n" }.joined()
        do { try text.write(toFile: hostFile, atomically: true, encoding: .utf8) } catch {
            throw AltaError("cannot write the hosts that are left", why: error.localizedDescription, file: hostFile)
        }
        return plan
    }
}
