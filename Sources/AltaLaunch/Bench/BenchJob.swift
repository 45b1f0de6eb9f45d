import AltaCore
import Foundation

/// A job of a sweep that failed: what the launcher says of it, and the code it ends with.
struct BenchFailure: Error {
    var lines: [String]
    var exitCode: Int32
}

/// Starts the jobs of a sweep, one after the other, and collects what rank 0 prints.
struct BenchJob {
    let machine: MachineDescription
    let hosts: [ClusterHost]
    let options: BenchOptions
    let programs: (mpirun: String, worker: String)
    /// Where the ranks' output of the job at hand is kept.
    let logs: String

    /// More than any benchmark prints.
    private static let largestOutput = 256 << 20

    /// Where so many ranks and threads go.
    /// - Parameter ranksPerHost: nil: hosts are filled one after the other.
    func plan(ranks: Int, threads: Int, ranksPerHost: Int? = nil) throws -> LaunchPlan {
        var request = LaunchRequest(ranks: ranks, ranksPerNode: ranksPerHost, threadsPerRank: threads)
        request.hosts = hosts
        request.hostFile = options.hostFile
        request.mayBind = options.mayBind
        return try LaunchPlan(machine: machine, request: request)
    }

    /// The command line of a job.
    func arguments(_ plan: LaunchPlan, _ workerArguments: [String]) -> [String] {
        plan.arguments(
            mpirun: programs.mpirun,
            environment: plan.environment(failureFolder: LaunchedJob.failureFolder(in: logs), progress: "lines"),
            worker: programs.worker, workerArguments: workerArguments)
    }

    /// Runs a job to its end.
    /// - Returns: what rank 0 wrote to its standard output.
    /// - Throws: `BenchFailure` where it failed, `AltaError` where it cannot be started.
    func run(_ plan: LaunchPlan, _ workerArguments: [String]) throws -> [UInt8] {
        let failures = LaunchedJob.failureFolder(in: logs)
        FailureRecord.clear(folder: failures)
        let arguments = arguments(plan, workerArguments)
        var kept = RankOutput(folder: logs)
        kept.begin(rankCount: plan.ranks)
        kept.append(ArraySlice("-- \(shellQuoted(arguments))\n".utf8), of: .launcher)
        let collected = Collected()
        var supervisor = Supervisor(output: kept, failureFolder: failures)
        supervisor.timeoutSeconds = options.timeoutSeconds
        supervisor.takeOutput = { piece in
            if collected.bytes.count + piece.count <= Self.largestOutput { collected.bytes += piece }
        }
        let end = try supervisor.run(arguments: arguments, environment: ProcessInfo.processInfo.environment)
        let facts = FailureReport.Facts(
            end: end, records: FailureRecord.load(folder: failures),
            messages: supervisor.output.messages(status: end.status), output: supervisor.output,
            onlyHost: plan.hosts.count == 1 ? plan.hosts[0].name : nil)
        if let report = FailureReport(facts) { throw BenchFailure(lines: report.lines, exitCode: report.exitCode) }
        return collected.bytes
    }

    private final class Collected {
        var bytes: [UInt8] = []
    }
}

extension BenchJob {
    /// The worker's command line for a job of the sweep.
    func stepArguments(_ request: BenchRequest) -> [String] {
        var list = [
            "bench", "step", "--model", options.model, "--precision", options.precision,
            "--studies", "\(request.run.studies)", "--threads", "\(request.run.threads)",
            "--steps", "\(request.steps)", "--warm-up", "\(request.warmUpSteps)",
        ]
        let isTold = options.workerArguments.contains { $0 == "--micro-batch" || $0.hasPrefix("--micro-batch=") }
        if let microBatch = request.microBatch, !isTold { list += ["--micro-batch", "\(microBatch)"] }
        if let trace = request.trace { list += ["--trace", Programs.absolute(trace)] }
        return list + options.workerArguments
    }

    /// Runs a job of the sweep.
    func measure(_ request: BenchRequest) throws -> BenchRound {
        let conditions = HostConditions.look()
        let plan = try plan(ranks: request.run.ranks, threads: request.run.threads)
        let output = try run(plan, stepArguments(request))
        return BenchRound(records: try StepRecord.records(of: output, count: request.steps), conditions: conditions)
    }

    /// Times sums of int64 over ranks: a small one, and one of `bytes`.
    func reductions(ranks: Int, ranksPerHost: Int?, bytes: Double) throws -> [ReductionTiming] {
        let count = max(2048, Int(bytes) / 8)
        let output = try run(
            try plan(ranks: ranks, threads: options.threadsPerRank, ranksPerHost: ranksPerHost),
            ["bench", "allreduce", "--pairs", "7", "--elements", "1024", "--elements", "\(count)"])
        return try output.split(separator: UInt8(ascii: "\n")).filter { $0.first == UInt8(ascii: "{") }.map { line in
            let json = try line.withUnsafeBytes { try JSONValue(parsing: $0) }
            guard let bytes = json["bytes"]?.double, let seconds = json["seconds"]?.double else {
                throw AltaError("a line of bench allreduce has no bytes or seconds")
            }
            return ReductionTiming(ranks: ranks, bytes: bytes, seconds: seconds)
        }
    }
}
