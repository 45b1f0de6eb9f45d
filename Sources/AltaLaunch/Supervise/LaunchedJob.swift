import AltaCore
import Foundation

/// One job from its folders to its closing report, through all its attempts.
struct LaunchedJob {
    let plan: LaunchPlan
    let options: LaunchOptions
    /// The run folder; nil where the subcommand writes none.
    let output: String?
    /// How it is started for debugging; nil: it is not.
    var debugging: Debugging?

    /// Runs the job and returns its exit code.
    /// - Throws: `AltaError` where it cannot be started.
    func run() throws(AltaError) -> Int32 {
        let programs = try Programs.find(worker: options.worker)
        let folders = try JobFolders(output: output)
        let lock = try RunFolderLock(folder: folders.logs)
        defer { lock.release() }
        FailureRecord.clear(folder: folders.failures)
        try debugging?.prepare(logs: folders.logs)
        defer { debugging?.panes?.close() }
        let signals = try SignalSource()
        var policy = RestartPolicy(options.restartLimits)
        var plan = plan
        try plan.writeFiles(in: folders.logs)
        var causes: [String] = []
        let clock = ContinuousClock()
        let started = clock.now
        announce(plan, "; output of the ranks in \(folders.logs)")
        if let debugging { LaunchCommand.complain(debugging.notes(logs: folders.logs)) }
        while true {
            let attempt = JobAttempt(
                plan: plan, options: options, folders: folders, number: causes.count + 1,
                usedSeconds: (clock.now - started) / .seconds(1), output: output, debugging: debugging)
            let outcome = try attempt.run(programs, signals: signals)
            if let failure = outcome.writeFailure {
                LaunchCommand.complain(["warning: a log is incomplete: \(failure)"])
            }
            let next = next(after: outcome, &policy, &plan, attempt, programs.mpirun, signals)
            guard case .end(let why) = next else {
                causes.append(outcome.report?.cause ?? "")
                continue
            }
            return close(outcome, causes: causes, whyNoRestart: why, folders)
        }
    }

    private enum Next {
        case again
        case end(why: String?)
    }

    /// Decides whether there is another attempt, waits for its time, and plans it on the hosts that answer.
    private func next(
        after outcome: JobAttempt.Outcome, _ policy: inout RestartPolicy, _ plan: inout LaunchPlan,
        _ attempt: JobAttempt, _ mpirun: String, _ signals: SignalSource
    ) -> Next {
        let decision = policy.decide(
            after: RestartPolicy.Attempt(
                exitCode: outcome.report?.exitCode ?? ExitCode.done.rawValue,
                wasAskedToEnd: outcome.report?.wasAskedFor ?? false,
                completedSteps: outcome.completedSteps, reachedStep: outcome.reachedStep,
                lostHost: !(outcome.report?.lostHosts.isEmpty ?? true)))
        guard case .restart(let number, let seconds) = decision, let report = outcome.report else {
            if case .end(let why) = decision { return .end(why: why) }
            return .end(why: nil)
        }
        LaunchCommand.complain([
            "alta-launch: restart \(number) of \(options.restarts) in \(seconds.plainText) s: \(report.cause)"
        ])
        FailureRecord.setAside(folder: attempt.folders.failures, attempt: attempt.number)
        if let signal = signals.wait(seconds: seconds) {
            return Self.end(askedBy: signal)
        }
        let next = replan(&plan, attempt, mpirun, signals)
        // A whole job would be started for it otherwise, only to be ended.
        if case .again = next, let signal = signals.wait(seconds: 0) { return Self.end(askedBy: signal) }
        return next
    }

    private static func end(askedBy signal: Int32) -> Next {
        .end(why: "\(SignalSource.name(of: signal)) asked for its end")
    }

    private func announce(_ plan: LaunchPlan, _ more: String) {
        let lines = plan.table.split(separator: "\n").map(String.init) + [plan.summary + more]
        LaunchCommand.complain(lines.map { "alta-launch: \($0)" })
    }

    /// Hosts that do not answer are left out, and those that answer again come back.
    private func replan(_ plan: inout LaunchPlan, _ attempt: JobAttempt, _ mpirun: String, _ signals: SignalSource)
        -> Next
    {
        guard self.plan.hasOtherHosts else { return .again }
        do {
            let found = try HostProbe(mpirun: mpirun, plan: self.plan, signals: signals).run()
            if let signal = found.signal { return Self.end(askedBy: signal) }
            let gone = found.silent
            var request = self.plan.request.without(hosts: gone)
            request.ranks = self.plan.ranks
            var next = try LaunchPlan(machine: plan.machine, request: request)
            try next.writeFiles(in: attempt.folders.logs)
            if next.plannedHosts != plan.plannedHosts {
                announce(next, gone.isEmpty ? "" : "; gone: \(gone.joined(separator: ", "))")
            }
            plan = next
            return .again
        } catch {
            return .end(why: "\(error)")
        }
    }

    /// The closing report. An error of an earlier attempt is not lost behind the last one's.
    private func close(
        _ outcome: JobAttempt.Outcome, causes: [String], whyNoRestart: String?, _ folders: JobFolders
    ) -> Int32 {
        let earlier = causes.enumerated().map { "  \($0 + 1): \($1)" }
        guard let report = outcome.report else {
            if !causes.isEmpty {
                LaunchCommand.complain(["alta-launch: done, after the attempts that ended by"] + earlier)
            }
            Screen.shared.drain()
            // Of what the screen did not show, the logs are all that there is.
            if output != nil || !Screen.shared.hasLeftOut { folders.removeAfterSuccess(hasOutput: output != nil) }
            return ExitCode.done.rawValue
        }
        var lines = report.lines
        if let whyNoRestart, options.restarts > 0 { lines.append("  not started again: \(whyNoRestart)") }
        if !causes.isEmpty { lines += ["  attempts before it ended by"] + earlier.map { "  \($0)" } }
        // The screen may take it no more.
        folders.log(lines)
        LaunchCommand.complain(lines)
        return report.exitCode
    }
}
