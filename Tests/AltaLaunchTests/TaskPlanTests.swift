import AltaCore
import AltaLaunch
import Testing

/// Plans of jobs that Slurm was asked for with a number of tasks.
@Suite struct TaskPlanTests {
    /// `sbatch --nodes=2 --ntasks-per-node=4 --exclusive` on nodes of 16 cores.
    private let eightTasks = [
        "SLURM_JOB_ID": "77", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_NTASKS": "8", "SLURM_NPROCS": "8",
        "SLURM_NTASKS_PER_NODE": "4", "SLURM_TASKS_PER_NODE": "4(x2)", "SLURM_JOB_CPUS_PER_NODE": "16(x2)",
    ]

    private func plan(
        _ more: [String: String] = [:], without: [String] = [], threadsOfCore: Int = 1,
        _ request: LaunchRequest = LaunchRequest()
    ) throws -> LaunchPlan {
        let environment = eightTasks.filter { !without.contains($0.key) }.merging(more) { $1 }
        let machine = MachineDescription(
            hostName: "n1", coreCount: 16, coresOfMemoryNodes: [CoreList(0..<8), CoreList(8..<16)],
            hardwareThreadCount: 16 * threadsOfCore)
        return try LaunchPlan(
            machine: machine, request: request.located(environment: environment, workingFolder: "/") { _ in nil })
    }

    private func shape(_ plan: LaunchPlan) -> [Int] { plan.ranksOfHosts + [plan.threadsPerRank] }

    @Test func tasksAreTheRanksAndShareTheCores() throws {
        let shared = try plan()
        #expect(shape(shared) == [4, 4, 4] && shared.binding == .cores(4))
        #expect(
            shared.table.contains("tasks that Slurm was asked for (--ntasks): 8, with 4 threads each, of the cores"))
        // Five threads would put a rank on two memory nodes.
        let three = try plan(["SLURM_NTASKS": "6", "SLURM_TASKS_PER_NODE": "3(x2)"])
        #expect(shape(three) == [3, 3, 4])
        let uneven = try plan(["SLURM_NTASKS": "5", "SLURM_TASKS_PER_NODE": "4,1"])
        #expect(shape(uneven) == [4, 1, 4])
        // Slurm may count the tasks of nodes by processors.
        let processors = try plan(["SLURM_TASKS_PER_NODE": "16(x2)"])
        #expect(shape(processors) == [4, 4, 4])
    }

    @Test func processorsOfATaskAreItsThreads() throws {
        let two = try plan(["SLURM_CPUS_PER_TASK": "2"])
        #expect(shape(two) == [4, 4, 2] && two.table.contains("with 2 threads each, of --cpus-per-task=2"))
        #expect(two.arguments(mpirun: "m", environment: [], worker: "w", workerArguments: []).contains("^slurm"))
        // Eight hardware threads are four cores; where whole nodes were granted, there is a core for each.
        let hardware = ["SLURM_CPUS_PER_TASK": "8", "SLURM_JOB_CPUS_PER_NODE": "32(x2)"]
        #expect(shape(try plan(hardware, threadsOfCore: 2)) == [4, 4, 4])
        #expect(shape(try plan(hardware.merging(["SLURM_CPUS_PER_TASK": "4"]) { $1 }, threadsOfCore: 2)) == [4, 4, 4])
    }

    /// A task for each of a machine's cores, which has two threads each: a scheduler that counts cores granted all of them.
    @Test(arguments: ["16", "8"]) func aTaskForEachCoreIsBoundToIt(tasks: String) throws {
        let count = try #require(Int(tasks))
        let whole = try plan(
            [
                "SLURM_NTASKS": "\(2 * count)", "SLURM_NPROCS": "\(2 * count)", "SLURM_NTASKS_PER_NODE": tasks,
                "SLURM_TASKS_PER_NODE": "\(tasks)(x2)", "SLURM_CPUS_PER_TASK": "\(16 / count)",
            ], threadsOfCore: 2)
        #expect(shape(whole) == [count, count, 16 / count])
        #expect(whole.binding == (count == 16 ? .core : .cores(2)), "\(whole.table)")
    }

    @Test func withoutTasksCoresDecide() throws {
        let asked = ["SLURM_NTASKS", "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE"]
        let cores = try plan(without: asked)
        #expect(shape(cores) == [16, 16, 1] && cores.table.contains("no number of tasks is known of Slurm"))
        let threads = try plan(["SLURM_CPUS_PER_TASK": "4"], without: asked)
        #expect(shape(threads) == [16, 16, 1] && threads.table.contains("--cpus-per-task=4 sets no threads"))
    }

    @Test func theLaunchersOwnOptionsWin() throws {
        #expect(shape(try plan([:], LaunchRequest(ranks: 20))) == [16, 4, 1])
        #expect(shape(try plan([:], LaunchRequest(ranksPerNode: 3))) == [3, 3, 1])
        let threads = try plan(["SLURM_CPUS_PER_TASK": "4"], LaunchRequest(threadsPerRank: 2))
        #expect(shape(threads) == [4, 4, 2] && threads.table.contains("as --threads-per-rank says"))
        #expect(shape(try plan(["SLURM_CPUS_PER_TASK": "4"], LaunchRequest(ranks: 2))) == [2, 0, 1])
    }

    @Test func aLostHostKeepsTheThreads() throws {
        var request = LaunchRequest()
        request.minimumRanks = 4
        let whole = try plan([:], request)
        let half = try LaunchPlan(machine: whole.machine, request: whole.request.without(hosts: ["n2"]))
        #expect(shape(half) == [4, 4] && half.ranks == 4)
    }
}
