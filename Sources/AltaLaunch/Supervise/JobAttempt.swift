import AltaCore
import Foundation

/// One start of a job's ranks, to their end.
struct JobAttempt {
    let plan: LaunchPlan
    let options: LaunchOptions
    let folders: JobFolders
    /// From 1.
    let number: Int
    /// How long the attempts before it took.
    let usedSeconds: Double
    /// The run folder; nil: it trains nothing, and its ranks save nothing when they are asked to stop.
    let output: String?
    /// How it is started for debugging; nil: it is not.
    var debugging: Debugging?
    /// Takes what rank 0 writes to its standard output, instead of the screen.
    var takeOutput: ((ArraySlice<UInt8>) -> Void)?

    /// What an attempt came to.
    struct Outcome {
        /// nil: it succeeded.
        var report: FailureReport?
        /// Steps that its ranks completed, and the farthest that they began.
        var completedSteps: Int
        var reachedStep: Int
        /// The signal that asked for the end while it ran, whatever came of it.
        var signal: Int32?
        /// What went wrong with a log.
        var writeFailure: String?
    }

    /// The environment that ranks get beyond the plan's.
    static func environment(_ options: LaunchOptions, statuses: String) -> [(name: String, value: String)] {
        [
            (RankStatus.folderVariable, statuses),
            (LaunchOptions.stallVariable, options.stallSeconds.plainText),
        ]
    }

    /// Runs the attempt.
    /// - Throws: `AltaError` where it cannot be started.
    func run(_ programs: (mpirun: String, worker: String), signals: SignalSource) throws(AltaError) -> Outcome {
        folders.clearStatuses()
        let arguments = arguments(programs)
        var kept = RankOutput(folder: folders.logs)
        kept.begin(rankCount: plan.ranks, heading: heading)
        kept.append(ArraySlice("-- \(shellQuoted(arguments))\n".utf8), of: .launcher)
        let killsBefore = MemoryKills.current()
        let growth = StepLogGrowth(output: output)
        var supervisor = Supervisor(
            output: kept, rankCount: plan.ranks, failureFolder: folders.failures, statusFolder: folders.statuses,
            limits: limits, signals: signals)
        supervisor.showsEveryRank = debugging != nil
        supervisor.takeOutput = takeOutput
        let end = try supervisor.run(arguments: arguments, environment: ProcessInfo.processInfo.environment)
        return outcome(
            end, supervisor.output, memory: MemoryKills.current().verdict(since: killsBefore),
            logged: growth?.steps() ?? (0, 0))
    }

    /// The argument list of mpirun.
    func arguments(_ programs: (mpirun: String, worker: String)) -> [String] {
        let progress = isatty(STDOUT_FILENO) == 1 && debugging == nil ? "terminal" : "lines"
        let environment =
            plan.environment(failureFolder: folders.failures, progress: progress)
            + Self.environment(options, statuses: folders.statuses)
        let base = plan.arguments(
            mpirun: programs.mpirun, environment: environment, worker: programs.worker,
            workerArguments: debugging == nil ? options.workerArguments : [])
        return debugging?.ranks.arguments(
            base: base.dropLast(), worker: [programs.worker] + options.workerArguments,
            gdb: Programs.find("gdb") ?? "gdb", logs: folders.logs, waitSeconds: debugging?.waitSeconds ?? 0) ?? base
    }

    /// What separates the attempts in a log that goes on.
    private var heading: String {
        let time = Date().formatted(.iso8601)
        return number == 1 ? "-- started at \(time)" : "-- restart \(number - 1), started at \(time)"
    }

    private var limits: Supervisor.Limits {
        var limits = Supervisor.Limits()
        limits.timeoutSeconds = options.timeoutSeconds
        limits.usedSeconds = usedSeconds
        limits.stallSeconds = SilenceWatch.canSee(plan, output: output) ? options.stallSeconds : 0
        limits.savesOnSignal = output != nil
        limits.saveSeconds = options.graceSeconds
        return limits
    }

    private func outcome(
        _ end: JobEnd, _ kept: RankOutput, memory: MemoryKills.Verdict, logged: (count: Int, last: Int)
    ) -> Outcome {
        let statuses = RankStatus.load(folder: folders.statuses)
        let facts = FailureReport.Facts(
            end: end, records: FailureRecord.load(folder: folders.failures),
            messages: kept.messages(status: end.status), output: kept,
            onlyHost: plan.hosts.count == 1 ? plan.hosts[0].name : nil, statuses: statuses,
            // The counters are this host's.
            memory: plan.hosts.count == 1 ? memory : memory == .none ? .unknown : memory)
        return Outcome(
            report: FailureReport(facts),
            completedSteps: max(statuses.map(\.completedSteps).min() ?? 0, logged.count),
            reachedStep: max(statuses.compactMap(\.step).max() ?? 0, logged.last), signal: end.signal,
            writeFailure: kept.writeFailure)
    }
}
