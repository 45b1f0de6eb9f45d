import AltaCore
import AltaLaunch

/// Sweeps whose jobs are numbers.
enum FakeSteps {
    /// Options of a small sweep.
    static func options(_ arguments: String = "") throws -> BenchOptions {
        let all = "--ranks 1,2 --studies 8 --studies-per-rank 3 --steps 2 --repeats 2 " + arguments
        return try BenchOptions(arguments: all.split(separator: " ").map(String.init))
            ?? {
                throw AltaError("help was asked for")
            }()
    }

    /// A sweep on one host of two cores.
    static func sweep(_ options: BenchOptions) throws -> ScalingSweep {
        try ScalingSweep.make(options, coresOfHosts: [2]) { ranks, threads in (1, ranks, ranks * threads > 2) }
    }

    /// A step of a job: the more ranks, the faster; its hashes depend on the batch alone.
    static func record(
        _ run: BenchRun, step: Int = 1, change: (inout JSONObject) -> Void = { _ in }
    ) throws -> StepRecord {
        let compute = 0.5 * Double(run.studies) / Double(run.ranks * run.threads) + 0.1
        var line: JSONObject = [
            "ranks": .integer(run.ranks), "threads": .integer(run.threads), "studies": .integer(run.studies),
            "host_count": .integer(run.hosts), "seconds_per_step": .number(compute + 0.1),
            "compute_seconds": ["minimum": .number(compute), "mean": .number(compute), "maximum": .number(compute)],
            "mean_communication_seconds": 0.1, "mean_wait_seconds": 0.05,
            "seconds": ["loss": .number(1e-3 * Double(run.studies)), "backward": 0.2, "update": 0.1],
            "slowest_rank": .integer(run.ranks - 1), "slowest_host": "node<1>", "loss": 5.5,
            "result_hash": .string("r\(run.studies).\(step)"), "first_loss": 6.5,
            "first_hash": .string("f\(run.studies)"), "keeps_bits": true, "kernels": "k", "transport": "t",
            "precision": "bf16", "gradient_bytes": 1000, "gathered_bytes": .integer(10 * run.studies),
            "word_gradient_bytes": .integer(20 * run.studies), "radiograph_cost": 100, "shortest_report": 40,
            "longest_report": 128,
        ]
        change(&line)
        return try StepRecord(json: .object(line))
    }

    /// A sweep measured; `change` alters the lines of a job, told the job and the round's number, 0 of references.
    static func measure(
        _ options: BenchOptions, _ sweep: ScalingSweep, busyCores: Double = 0,
        change: (inout JSONObject, BenchRun, Int) -> Void = { _, _, _ in }
    ) throws -> SweepMeasurement {
        var counts: [BenchRun: Int] = [:]
        return try SweepMeasurement(sweep, options: options, tell: { _ in }) { request in
            let round = request.warmUpSteps == 0 ? 0 : counts[request.run, default: 0] + 1
            counts[request.run] = round
            let records = try (1...request.steps).map { step in
                try record(request.run, step: step) { change(&$0, request.run, round) }
            }
            return BenchRound(records: records, conditions: HostConditions(busyCores: busyCores))
        }
    }

    /// A result of such a sweep.
    static func result(
        _ arguments: String = "", busyCores: Double = 0,
        change: (inout JSONObject, BenchRun, Int) -> Void = { _, _, _ in }
    ) throws -> ScalingResult {
        let options = try options(arguments)
        let measurement = try measure(options, try sweep(options), busyCores: busyCores, change: change)
        return ScalingResult(
            measurement, model: ScalingModel(measurement, threads: 1, reductions: []), isModelForeign: false,
            network: nil, threads: 1)
    }
}
