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
    /// The hosts, and what holds for every job on them.
    let request: LaunchRequest
    let options: BenchOptions
    let programs: (mpirun: String, worker: String)
    /// Where the ranks' output of the job at hand is kept.
    let logs: String
    let signals: SignalSource

    /// More than any benchmark prints.
    private static let largestOutput = 256 << 20

    /// Where so many ranks and threads go.
    /// - Parameter ranksPerHost: nil: hosts are filled one after the other.
    func plan(ranks: Int, threads: Int, ranksPerHost: Int? = nil) throws -> LaunchPlan {
        var request = request
        request.ranks = ranks
        request.ranksPerNode = ranksPerHost
        request.threadsPerRank = threads
        return try LaunchPlan(machine: machine, request: request)
    }

    /// The command line of a job.
    func arguments(_ plan: LaunchPlan, _ workerArguments: [String]) -> [String] {
        attempt(plan, workerArguments).arguments(programs)
    }

    private func attempt(_ plan: LaunchPlan, _ workerArguments: [String]) -> JobAttempt {
        var launch = LaunchOptions(workerArguments: workerArguments)
        launch.timeoutSeconds = options.timeoutSeconds
        return JobAttempt(
            plan: plan, options: launch, folders: JobFolders(logs: logs), number: 1, usedSeconds: 0, output: nil)
    }

    /// Runs a job to its end.
    /// - Returns: what rank 0 wrote to its standard output.
    /// - Throws: `BenchFailure` where it failed, `AltaError` where it cannot be started.
    func run(_ plan: LaunchPlan, _ workerArguments: [String]) throws -> [UInt8] {
        let collected = Collected()
        var plan = plan
        try plan.writeFiles(in: logs)
        var attempt = self.attempt(plan, workerArguments)
        attempt.takeOutput = { piece in
            if collected.bytes.count + piece.count <= Self.largestOutput { collected.bytes += piece }
        }
        FailureRecord.clear(folder: attempt.folders.failures)
        let outcome = try attempt.run(programs, signals: signals)
        if let report = outcome.report { throw BenchFailure(lines: report.lines, exitCode: report.exitCode) }
        // The job came to its end at that moment; the sweep shall not go on.
        if let signal = outcome.signal {
            throw BenchFailure(
                lines: ["error: stopped by \(SignalSource.name(of: signal)); start the same command again"],
                exitCode: ExitCode.stoppedEarly.rawValue)
        }
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
