import AltaCore
import Foundation

/// `alta-launch bench`: from its command line to its files.
enum BenchCommand {
    /// Runs the command and returns its exit code: 1 where a result is not valid.
    /// - Throws: usage errors, and whatever cannot be started, read or written.
    static func run(_ arguments: [String]) throws -> Int32 {
        guard let options = try BenchOptions(arguments: arguments) else { return say([BenchOptions.command.help]) }
        if let file = options.predict { return try predict(file, options) }
        let machine = MachineDescription.current()
        var request = LaunchRequest()
        request.hostFile = options.hostFile
        request.mayBind = options.mayBind
        request.parameters = options.parameters
        request.mpirunOptions = options.mpirunOptions
        request = try request.located()
        let job = BenchJob(
            machine: machine, request: request, options: options,
            programs: options.isDryRun
                ? (Programs.mpirun() ?? "mpirun", Programs.worker(options.worker))
                : try Programs.find(worker: options.worker), logs: "\(Programs.absolute(options.output))/ranks",
            signals: try SignalSource())
        let cores = try job.plan(ranks: 1, threads: 1).coresOfHosts
        let sweep = try ScalingSweep.make(options, coresOfHosts: cores) { ranks, threads in
            let plan = try job.plan(ranks: ranks, threads: threads)
            return (plan.ranksOfHosts.count { $0 > 0 }, plan.ranksOfHosts.max() ?? ranks, plan.isOversubscribed)
        }
        if options.isDryRun { return try show(sweep, job) }
        do {
            return try BenchSession(job: job, sweep: sweep, cores: cores.reduce(0, +)).run()
        } catch let failure as BenchFailure {
            LaunchCommand.complain(failure.lines)
            return failure.exitCode
        }
    }

    /// The jobs of a round and their command lines.
    private static func show(_ sweep: ScalingSweep, _ job: BenchJob) throws -> Int32 {
        var lines = ["\(sweep.runs.count) jobs a round, \(job.options.repeats) rounds:"]
        for run in sweep.runs {
            let request = BenchRequest(run: run, warmUpSteps: job.options.warmUpSteps, steps: job.options.steps)
            var plan = try job.plan(ranks: run.ranks, threads: run.threads)
            plan.useFiles(in: job.logs)
            lines += [
                "", "\(run.name): \(plan.summary)",
                shellQuoted(job.arguments(plan, job.stepArguments(request))) + plan.coming(filesIn: job.logs),
            ]
        }
        lines += sweep.referenceBatches.map { "\nand once, to compare with: one step of one rank over \($0) studies" }
        return say(lines)
    }

    /// Predictions of a saved result.
    private static func predict(_ file: String, _ options: BenchOptions) throws -> Int32 {
        let json = try loadResult(file)
        let model = try ScalingModel(json: json["model"] ?? .null, file: file)
        let perRank = options.studiesPerRank ?? json["studies_per_rank"]?.int.flatMap { $0 > 0 ? $0 : nil } ?? 4
        var lines = ["\(file): \(json["model_name"]?.string ?? "a model") on \(json["host"]?.string ?? "some host")"]
        if json["valid"]?.bool != true { lines.append("INVALID: some job did not compute what one rank computes") }
        if let error = json["model_error"]?["largest"]?.double {
            lines.append("the model was off by \(TextTable.percent(error)) of a step at most, where it was measured")
        }
        let predictions = try predictions(
            model, of: json["model_name"]?.string ?? "", studiesPerRank: perRank, options)
        lines += ScalingTable.lines(predictions, ranksPerHost: options.ranksPerHost)
        return say(lines, code: json["valid"]?.bool == true ? .done : .failed)
    }

    /// All predictions, of ranks unbalanced by real reports where some were given.
    /// - Parameter modelName: reports are cut to what this model takes.
    static func predictions(
        _ model: ScalingModel, of modelName: String, studiesPerRank: Int, _ options: BenchOptions
    ) throws -> [ScalingPrediction] {
        var model = model
        if let reports = options.reports {
            model.costs = try StudyCosts.load(
                radiographs: model.costs.radiographs, tokenized: reports,
                longest: ModelConfig.preset(modelName)?.maxTokens ?? .max)
        }
        return ScalingPrediction.all(
            model, ranksPerHost: options.ranksPerHost, studiesPerRank: studiesPerRank,
            globalBatch: options.globalBatch, latencySeconds: options.latencySeconds)
    }

    /// A saved `scaling.json`. Errors: it cannot be read, or is none.
    static func loadResult(_ file: String) throws -> JSONValue {
        let bytes = try SmallFile.contents(file, what: "the saved result", limit: 64 << 20)
        let json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: file) }
        guard json["format"]?.string == "alta scaling 1" else {
            throw AltaError(
                "this is no result of alta-launch bench", remedy: "give the scaling.json that it wrote", file: file)
        }
        return json
    }

    /// Prints lines and returns the code.
    static func say(_ lines: [String], code: ExitCode = .done) -> Int32 {
        _ = writeAll(Array((lines.joined(separator: "\n") + "\n").utf8), to: STDOUT_FILENO)
        return code.rawValue
    }
}
