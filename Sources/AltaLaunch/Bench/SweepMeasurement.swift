import AltaCore

/// A job that a sweep asks for.
struct BenchRequest: Equatable, Sendable {
    var run: BenchRun
    var warmUpSteps: Int
    var steps: Int
    /// Where the last step's timeline goes.
    var trace: String?
}

/// What a job of the sweep measured.
struct BenchRound: Equatable, Sendable {
    /// The timed steps.
    var records: [StepRecord]
    /// What this machine did before.
    var conditions: HostConditions

    /// The median over its steps.
    var seconds: Double { ScalingModel.median(records.map(\.seconds)) ?? 0 }
    /// Of the median step.
    var studiesPerSecond: Double { Double(records.first?.studies ?? 0) / max(seconds, .leastNormalMagnitude) }
}

/// Everything that the jobs of a sweep measured.
struct SweepMeasurement: Equatable, Sendable {
    var sweep: ScalingSweep
    /// Of each job its rounds, in order.
    var rounds: [BenchRun: [BenchRound]] = [:]
    /// For each global batch without a timed job of one rank, the step of one rank.
    var references: [Int: StepRecord] = [:]

    /// Runs all jobs: first the references, then round after round.
    ///
    /// - Parameters:
    ///   - perform: runs a job.
    ///   - tell: hears what is next.
    init(
        _ sweep: ScalingSweep, options: BenchOptions, tell: (String) -> Void,
        perform: (BenchRequest) throws -> BenchRound
    ) throws {
        self.sweep = sweep
        for batch in sweep.referenceBatches {
            let run = BenchRun(ranks: 1, hosts: 1, threads: options.threadsPerRank, studies: batch)
            tell("one step to compare with: \(run.name)")
            references[batch] = try perform(BenchRequest(run: run, warmUpSteps: 0, steps: 1)).records.first
        }
        for round in 0..<options.repeats {
            for run in sweep.order(round: round) {
                tell("round \(round + 1) of \(options.repeats): \(run.name)")
                let request = BenchRequest(run: run, warmUpSteps: options.warmUpSteps, steps: options.steps)
                let measured = try perform(request)
                if measured.conditions.isNoisy {
                    tell("warning: others used \(TextTable.number(measured.conditions.busyCores)) cores before this job")
                }
                rounds[run, default: []].append(measured)
            }
        }
    }

    /// Whether other users of this machine were seen before any job.
    var isNoisy: Bool { rounds.values.contains { $0.contains { $0.conditions.isNoisy } } }

    /// All steps of a job.
    func records(_ run: BenchRun) -> [StepRecord] { (rounds[run] ?? []).flatMap(\.records) }

    /// The timed job of one rank over a global batch.
    func oneRank(studies: Int) -> BenchRun? { sweep.runs.first { $0.ranks == 1 && $0.studies == studies } }
}
