import AltaCore

extension Allocation {
    /// A PBS allocation: `PBS_NODEFILE` has a line a slot, `NCPUS` the cores of a chunk.
    ///
    /// Slots are tasks that were asked for (`mpiprocs`, Torque's `ppn`) where some host has several: one is what PBS gives by
    /// itself.
    static func pbs(_ environment: [String: String], read: (String) -> String?) throws(AltaError) -> Allocation? {
        guard let file = environment["PBS_NODEFILE"], !file.isEmpty else { return nil }
        guard let text = read(file) else {
            throw AltaError(
                "cannot read the hosts of this PBS job",
                remedy: "start alta-launch where PBS put the job, or give --hosts",
                file: file)
        }
        let chunkCores = environment["NCPUS"].flatMap { Int($0) }.flatMap {
            LaunchPlan.countRange.contains($0) ? $0 : nil
        }
        let hosts = try ClusterHost.parse(text, path: file).map { host in
            let slots = host.slots ?? 1
            return ClusterHost(name: host.name, grantedCores: max(slots, chunkCores ?? 1), scheduledTasks: slots)
        }
        guard !hosts.isEmpty else { throw AltaError("PBS names no host", remedy: "give --hosts", file: file) }
        let slots = hosts.map { $0.scheduledTasks ?? 1 }
        let tasks = AllocatedTasks(
            count: slots.contains { $0 > 1 } ? slots.reduce(0, +) : nil, source: "lines of the node file")
        return Allocation(
            scheduler: .pbs, jobName: "PBS job \(environment["PBS_JOBID"] ?? "without a number")", hosts: hosts,
            tasks: tasks)
    }
}
