import AltaCore

/// A program that shares a cluster out to its users.
public enum Scheduler: String, Equatable, Sendable {
    /// Slurm.
    case slurm = "Slurm"
    /// PBS, OpenPBS or Torque.
    case pbs = "PBS"

    /// What makes mpirun take slots from a host file of ours instead of the scheduler's own count of tasks.
    ///
    /// Under Slurm mpirun still starts its daemons by `srun`, which needs no PMIx. Under PBS its daemons cannot be started by
    /// the scheduler then (tm finds a host by its place in the scheduler's list), and go by ssh.
    var ownSlotsOptions: [MPIParameter] {
        switch self {
        case .slurm: [MPIParameter(name: "ras", value: "^slurm")]
        case .pbs: [MPIParameter(name: "ras", value: "^tm"), MPIParameter(name: "plm", value: "^tm")]
        }
    }
}

/// What the user of a scheduler asked for in tasks, which are ranks here.
public struct AllocatedTasks: Equatable, Sendable {
    /// How many; nil: none were asked for.
    public var count: Int?
    /// How they were asked for, as `--ntasks`.
    public var source: String
    /// Processors for each; nil: not said.
    public var processorsEach: Int?
}

/// What a scheduler granted to the job that the launcher was started in.
public struct Allocation: Equatable, Sendable {
    /// Who granted it.
    public var scheduler: Scheduler
    /// The job's name there, as `Slurm job 77`.
    public var jobName: String
    /// The hosts in the scheduler's order; one at least.
    public var hosts: [ClusterHost]
    /// The tasks that it was asked for with.
    public var tasks: AllocatedTasks
    /// What a person should know of it, a sentence each.
    public var notes: [String] = []

    /// The allocation that the environment tells of; nil: there is none.
    ///
    /// - Parameter read: the text of a file; nil where it cannot be read.
    /// - Throws: `AltaError` where the environment tells of one that cannot be understood.
    public static func find(
        environment: [String: String], read: (String) -> String?
    ) throws(AltaError) -> Allocation? {
        if let slurm = try slurm(environment) { return slurm }
        return try pbs(environment, read: read)
    }

    /// Refuses to start where a launcher was started for each task, by `srun` or `mpirun`: each would start a whole job.
    ///
    /// - Throws: a usage error with the remedy.
    public static func checkStartedOnce(environment: [String: String]) throws(AltaError) {
        let remedy =
            "start it once and without %: in the batch script (sbatch) or the shell of salloc; it starts the ranks by mpirun, "
            + "which needs no PMIx"
        if let task = environment["SLURM_PROCID"], isSlurmStep(environment) {
            let count = environment["SLURM_STEP_NUM_TASKS"] ?? environment["SLURM_NTASKS"] ?? "1"
            if Int(count).map({ $0 > 1 }) ?? false {
                throw AltaError(
                    "srun started alta-launch \(count) times, once a task", why: "this is task \(task)",
                    remedy: remedy.replacing("%", with: "srun"), exitCode: .usage)
            }
        }
        if let count = environment["OMPI_COMM_WORLD_SIZE"] {
            throw AltaError(
                "mpirun started alta-launch as one of \(count) ranks",
                remedy: remedy.replacing("%", with: "mpirun"), exitCode: .usage)
        }
    }

    /// Whether this is a step that somebody started by `srun`: batch scripts and the shell of `salloc` are steps by name only.
    static func isSlurmStep(_ environment: [String: String]) -> Bool {
        guard let text = environment["SLURM_STEP_ID"] ?? environment["SLURM_STEPID"], let step = UInt32(text) else {
            return false
        }
        return step < 0xffff_fff0
    }
}
