import AltaCore
import Foundation

/// `alta-launch check`: a preflight, step by step, each finding on a line of its own.
struct CheckCommand {
    let options: CheckOptions
    let plan: LaunchPlan
    let process: ProbeProcess
    let probes: CheckProbes

    /// Runs the command with the arguments after its name; its exit code.
    /// - Throws: usage errors, and `AltaError` where the plan cannot be made.
    static func run(_ arguments: [String], say: (String) -> Void) throws -> Int32 {
        guard var options = try CheckOptions(arguments: arguments) else {
            say(CheckOptions.command.help)
            return ExitCode.done.rawValue
        }
        options.launch.request = try options.launch.request.located()
        let machine = MachineDescription.current()
        if !options.hasRankCount, options.launch.request.hosts.isEmpty {
            options.launch.request.ranks = max(1, machine.coreCount / (options.launch.request.threadsPerRank ?? 1))
        }
        let plan = try LaunchPlan(machine: machine, request: options.launch.request)
        let process = try ProbeProcess()
        let command = CheckCommand(
            options: options, plan: plan, process: process,
            probes: .live(process) { LaunchCommand.complain([$0]) })
        return try command.run(say)
    }

    private func run(_ say: (String) -> Void) throws -> Int32 {
        let start = probes.now()
        var findings: [CheckFinding] = []
        func add(_ more: [CheckFinding]) {
            findings += more
            for finding in more { say(finding.line) }
        }
        let mpirun = Programs.mpirun()
        let worker = Programs.worker(options.launch.worker)
        let isWorkerThere = FileManager.default.isExecutableFile(atPath: worker)
        add([try ProgramChecks.mpirun(mpirun, probes), ProgramChecks.worker(worker, isThere: isWorkerThere)])
        add([ProgramChecks.slots(plan), ProgramChecks.root(plan)])
        let hasFabric = !FabricCheck.networks(probes).fabrics.isEmpty
        add([
            LimitChecks.openFiles(plan, probes), LimitChecks.lockedMemory(hasFabric: hasFabric, probes),
            LimitChecks.memoryGroup(plan, probes), FabricCheck.judge(probes),
        ])
        var isReady = isWorkerThere && findings[0].verdict != .failed
        if isReady, let mpirun {
            let hosts = try HostChecks(
                plan: plan, mpirun: mpirun, probes: probes, waitSeconds: options.waitSeconds
            ).run()
            add(hosts.findings)
            isReady = hosts.isReady
        }
        if isReady, let mpirun {
            findings += try ranks(mpirun, worker) { say($0.line) }
        } else {
            add([.note(RankChecks.name, "not started: what failed above comes first")])
        }
        let seconds = probes.now() - start
        say(Self.summary(findings, seconds: seconds))
        try write(findings, seconds: seconds)
        return findings.exitCode.rawValue
    }

    static func summary(_ findings: [CheckFinding], seconds: Double) -> String {
        func count(_ verdict: CheckFinding.Verdict) -> Int { findings.count { $0.verdict == verdict } }
        let failed = count(.failed)
        let notes = count(.note)
        let start = failed == 0 ? "nothing failed" : "\(failed) of \(findings.count) failed"
        let passing = findings.exitCode == .stoppedEarly ? ", all of which may pass: check again later" : ""
        let others = "\(count(.ok)) ok, \(notes) note\(notes == 1 ? "" : "s")"
        return "check: \(start)\(passing); \(others), in \(seconds.fixed(1)) s"
    }
}
