import AltaCore
import Foundation

/// Finds out which hosts still take ranks, by starting a program on each: over the same launch agent, with the same
/// daemon calling back, as a job's ranks are started.
struct HostProbe {
    let mpirun: String
    /// The job's plan, with its hosts and the parameters that its mpirun got.
    let plan: LaunchPlan
    /// How long a host may take to answer.
    var limitSeconds = 15.0
    /// So many hosts are asked at once.
    private static let width = 16

    /// The hosts of the plan that do not answer, this machine aside. Takes at most `limitSeconds` for every 16 hosts.
    ///
    /// Call it on the main thread, with no job under way: whatever is left of a host that does not answer is killed.
    func silentHosts() -> [String] {
        let names = plan.hosts.map(\.name).filter { !plan.machine.isCalled($0) }
        var answering: Set<String> = []
        for start in stride(from: 0, to: names.count, by: Self.width) {
            answering.formUnion(ask(names[start..<min(start + Self.width, names.count)]))
            ChildProcess.killRemaining()
        }
        return names.filter { !answering.contains($0) }
    }

    func arguments(host: String) -> [String] {
        [mpirun] + (plan.isRoot ? ["--allow-run-as-root"] : []) + ["-n", "1", "--host", host]
            + plan.request.parameters.flatMap(\.arguments) + ["true"]
    }

    private func ask(_ names: ArraySlice<String>) -> [String] {
        var open: [Int32: (name: String, child: ChildProcess)] = [:]
        let environment = ProcessInfo.processInfo.environment
        for name in names {
            guard let child = try? ChildProcess(arguments: arguments(host: name), environment: environment) else {
                continue
            }
            open[child.identifier] = (name, child)
        }
        var answering: [String] = []
        let clock = ContinuousClock()
        let end = clock.now + .seconds(limitSeconds)
        while !open.isEmpty, clock.now < end {
            var status: Int32 = 0
            let process = waitpid(-1, &status, WNOHANG)
            if process <= 0 {
                usleep(20_000)
                continue
            }
            guard let ended = open.removeValue(forKey: process) else { continue }
            if status == 0 { answering.append(ended.name) }
            ended.child.closeStreams()
        }
        for (process, unanswered) in open {
            kill(-process, SIGKILL)
            unanswered.child.closeStreams()
        }
        return answering
    }
}
