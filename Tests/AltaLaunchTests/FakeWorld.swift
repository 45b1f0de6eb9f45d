import AltaCore
import AltaLaunch

/// A world for the checks to ask: files, programs and a clock that only sleeping moves.
final class FakeWorld {
    var files: [String: String] = [:]
    var limits: [LimitedResource: Int] = [:]
    var environment: [String: String] = [:]
    /// From which second on a host's name is known; others never are.
    var knownFrom: [String: Double] = [:]
    /// What a program comes to, by its arguments.
    var program: (_ arguments: [String], _ second: Double) -> ProbeOutcome = { _, _ in .init(status: 0, lines: []) }
    /// What every program's start throws instead.
    var startError: AltaError?
    private(set) var second = 0.0
    private(set) var pauses: [Double] = []
    private(set) var told: [String] = []
    private(set) var runs: [[String]] = []

    var probes: CheckProbes {
        CheckProbes(
            run: { arguments, _ in
                self.runs.append(arguments)
                if let error = self.startError { throw error }
                return self.program(arguments, self.second)
            },
            runBeside: { programs, _ in
                self.runs += programs
                return programs.map { self.program($0, self.second) }
            },
            text: { self.files[$0] }, names: names(in:),
            resolves: { self.second >= self.knownFrom[$0] ?? .infinity }, limit: { self.limits[$0] },
            now: { self.second },
            sleep: { seconds in
                self.pauses.append(seconds)
                self.second += seconds
            },
            environment: environment, tell: { self.told.append($0) })
    }

    private func names(in folder: String) -> [String] {
        let rests = files.keys.filter { $0.hasPrefix("\(folder)/") }.map { $0.dropFirst(folder.count + 1) }
        return Array(Set(rests.compactMap { $0.split(separator: "/").first.map(String.init) }))
    }

    /// A plan for hosts of four cores.
    static func plan(_ hosts: [String], ranks: Int? = nil, threads: Int = 1) throws -> LaunchPlan {
        var request = LaunchRequest(ranks: ranks ?? hosts.count, threadsPerRank: threads)
        request.hosts = hosts.map { ClusterHost(name: $0, slots: 4) }
        request.hostFile = hosts.isEmpty ? nil : "hosts"
        return try LaunchPlan(
            machine: MachineDescription(hostName: "here", coreCount: 4, isRoot: true), request: request)
    }
}
