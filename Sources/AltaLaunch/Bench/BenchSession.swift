import AltaCore
import Foundation

/// A sweep from its folder to its files and its exit code.
struct BenchSession {
    let job: BenchJob
    let sweep: ScalingSweep
    let cores: Int
    private var options: BenchOptions { job.options }
    private var folder: String { Programs.absolute(options.output) }

    init(job: BenchJob, sweep: ScalingSweep, cores: Int) {
        self.job = job
        self.sweep = sweep
        self.cores = cores
    }

    /// Runs every job, writes the result, prints it.
    /// - Returns: 0, or 1 where the result is not valid.
    /// - Throws: `BenchFailure` where a job failed, `AltaError` where something cannot be read or written.
    func run() throws -> Int32 {
        let foreign = try options.calibration.map { file in
            try ScalingModel(json: try BenchCommand.loadResult(file)["model"] ?? .null, file: file)
        }
        if let reports = options.reports { _ = try StudyCosts.load(radiographs: 1, tokenized: reports) }
        try makeFolder()
        let lock = try RunFolderLock(folder: job.logs)
        defer { lock.release() }
        let diary = "\(folder)/runs.jsonl"
        try AtomicFile.write(diary, bytes: [])
        let measurement = try SweepMeasurement(sweep, options: options, tell: tell) { request in
            let round = try job.measure(request)
            try append(request, round, to: diary)
            return round
        }
        if let trace = options.trace { try writeTrace(trace) }
        let reductions = try sharedReductions(measurement)
        let network = try measuredNetwork(measurement)
        let model = foreign ?? ScalingModel(measurement, threads: options.threadsPerRank, reductions: reductions)
        let result = ScalingResult(
            measurement, model: model, isModelForeign: foreign != nil, network: network,
            threads: options.threadsPerRank)
        return try publish(result)
    }

    private func publish(_ result: ScalingResult) throws -> Int32 {
        let predictions = try BenchCommand.predictions(
            result.model, of: options.model, studiesPerRank: sweep.studiesPerRank, options)
        let setting = try setting()
        let json = try result.json(setting: setting, predictions: predictions).text(.pretty)
        try AtomicFile.write("\(folder)/scaling.json", text: json + "\n")
        try AtomicFile.write("\(folder)/scaling.svg", text: ScalingPlot(result: result, setting: setting).svg)
        var lines = result.table + ScalingTable.lines(predictions, ranksPerHost: options.ranksPerHost)
        lines += ["", "written: \(folder)/scaling.json, \(folder)/scaling.svg"]
        guard result.isValid else {
            lines.insert("INVALID: some job did not compute what one rank computes", at: 0)
            let code = BenchCommand.say(lines, code: .failed)
            LaunchCommand.complain(["error: the result is not valid: \(invalidText(result))"])
            return code
        }
        return BenchCommand.say(lines)
    }

    private func invalidText(_ result: ScalingResult) -> String {
        let bad = result.points.first { !$0.verdict.isValid }
        return bad.map { "\($0.run.name): \($0.verdict.text)" } ?? ""
    }

    private func tell(_ text: String) { LaunchCommand.complain(["alta-launch bench: \(text)"]) }

    /// The largest job that has its cores once more, for its timeline.
    private func writeTrace(_ file: String) throws {
        let fitting = sweep.runs.filter { !$0.isOversubscribed }
        guard let run = (fitting.isEmpty ? sweep.runs : fitting).max(by: { $0.ranks < $1.ranks }) else { return }
        tell("the timeline of a step: \(run.name)")
        _ = try job.measure(BenchRequest(run: run, warmUpSteps: options.warmUpSteps, steps: 1, trace: file))
    }

    /// Sums over the ranks of one host, by the largest job of one that fits.
    private func sharedReductions(_ measurement: SweepMeasurement) throws -> [ReductionTiming] {
        let several = sweep.runs.filter { $0.ranks > 1 && $0.hosts == 1 && !$0.isOversubscribed }
        guard let run = several.max(by: { $0.ranks < $1.ranks }),
            let bytes = measurement.records(run).first?.gradientBytes
        else { return [] }
        tell("sums of gradients on one host: \(run.ranks) ranks")
        return try job.reductions(ranks: run.ranks, ranksPerHost: nil, bytes: bytes)
    }

    /// The hosts' network: as told, or from sums over one rank a host; nil: one host.
    private func measuredNetwork(_ measurement: SweepMeasurement) throws -> ScalingNetwork? {
        let hosts = sweep.runs.map(\.hosts).max() ?? 1
        guard hosts > 1 else { return nil }
        if let gigabits = options.networkGigabits {
            return ScalingNetwork(gigabits: gigabits, latencySeconds: options.latencySeconds)
        }
        let bytes = measurement.rounds.values.compactMap { $0.first?.records.first?.gradientBytes }.max() ?? 0
        tell("sums of gradients between hosts: one rank on each of \(hosts)")
        let timings = try job.reductions(ranks: hosts, ranksPerHost: 1, bytes: bytes)
        return ScalingNetwork.measured(timings, hosts: hosts)
    }

    private func setting() throws -> BenchSetting {
        var system = utsname()
        uname(&system)
        let release = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let worker = try SmallFile.contents(job.programs.worker, what: "the worker", limit: 1 << 30)
        return BenchSetting(
            host: job.machine.hostName, hosts: job.request.hosts.map(\.name), cores: cores, system: "Linux \(release)",
            workerHash: StableHash.hex(worker.withUnsafeBytes { StableHash.value(of: $0) }), options: options,
            secondsSince1970: Date().timeIntervalSince1970)
    }

    private func append(_ request: BenchRequest, _ round: BenchRound, to diary: String) throws {
        let line: JSONValue = [
            "ranks": .integer(request.run.ranks), "hosts": .integer(request.run.hosts),
            "threads": .integer(request.run.threads), "studies": .integer(request.run.studies),
            "seconds_per_step": .array(round.records.map { .number($0.seconds) }),
            "first_hash": .string(round.records.first?.firstHash ?? ""),
            "result_hashes": .array(round.records.map { .string($0.resultHash) }),
            "load_average": .number(round.conditions.loadAverage), "busy_cores": .number(round.conditions.busyCores),
        ]
        try Self.append(try line.text() + "\n", to: diary)
    }

    /// Appends to a file that grows, and flushes it.
    private static func append(_ text: String, to path: String) throws(AltaError) {
        guard let code = appendAll(Array(text.utf8), to: path, flushes: true) else { return }
        throw AltaError.system("cannot write a file", file: path, code: code)
    }

    private func makeFolder() throws {
        do { try JobFolders(logs: job.logs).make() } catch {
            throw AltaError(
                "cannot create the folder of the results", why: error.why, remedy: "give another --output", file: folder
            )
        }
    }
}
