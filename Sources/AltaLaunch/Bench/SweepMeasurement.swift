import AltaCore

/// A job that a sweep asks for.
package struct BenchRequest: Equatable, Sendable {
    package var run: BenchRun
    package var warmUpSteps: Int
    package var steps: Int
    /// Studies in flight on a rank; nil: as the user has it, else its whole share.
    package var microBatch: Int?
    /// Where the last step's timeline goes.
    package var trace: String?
}

/// What a job of the sweep measured.
package struct BenchRound: Equatable, Sendable {
    /// The timed steps.
    package var records: [StepRecord]
    /// What this machine did before.
    package var conditions: HostConditions

    /// Stores what was measured.
    package init(records: [StepRecord], conditions: HostConditions) {
        self.records = records
        self.conditions = conditions
    }

    /// The median over its steps.
    package var seconds: Double { ScalingModel.median(records.map(\.seconds)) ?? 0 }
    /// Of the median step.
    package var studiesPerSecond: Double { Double(records.first?.studies ?? 0) / max(seconds, .leastNormalMagnitude) }
}

/// Everything that the jobs of a sweep measured.
package struct SweepMeasurement: Equatable, Sendable {
    package var sweep: ScalingSweep
    /// Of each job its rounds, in order.
    package var rounds: [BenchRun: [BenchRound]] = [:]
    /// For each global batch without a timed job of one rank, the step of one rank.
    package var references: [Int: StepRecord] = [:]

    /// Runs all jobs: first the references, then round after round.
    ///
    /// - Parameters:
    ///   - perform: runs a job.
    ///   - tell: hears what is next.
    package init(
        _ sweep: ScalingSweep, options: BenchOptions, tell: (String) -> Void,
        perform: (BenchRequest) throws -> BenchRound
    ) throws {
        self.sweep = sweep
        for batch in sweep.referenceBatches {
            let run = BenchRun(
                ranks: 1, hosts: 1, fullestHostRanks: 1, threads: options.threadsPerRank, studies: batch)
            tell("one step to compare with: \(run.name)")
            // The same bits at any micro-batch: no more memory than the jobs that are held against it.
            let request = BenchRequest(run: run, warmUpSteps: 0, steps: 1, microBatch: sweep.largestShare(of: batch))
            references[batch] = try perform(request).records.first
        }
        for round in 0..<options.repeats {
            for run in sweep.order(round: round) {
                tell("round \(round + 1) of \(options.repeats): \(run.name)")
                let request = BenchRequest(run: run, warmUpSteps: options.warmUpSteps, steps: options.steps)
                let measured = try perform(request)
                if measured.conditions.isNoisy {
                    tell(
                        "warning: others used \(TextTable.number(measured.conditions.busyCores)) cores before this job")
                }
                rounds[run, default: []].append(measured)
            }
        }
    }

    /// Whether other users of this machine were seen before any job.
    package var isNoisy: Bool { rounds.values.contains { $0.contains { $0.conditions.isNoisy } } }

    /// All steps of a job.
    package func records(_ run: BenchRun) -> [StepRecord] { (rounds[run] ?? []).flatMap(\.records) }

    /// The timed job of one rank over a global batch.
    package func oneRank(studies: Int) -> BenchRun? { sweep.runs.first { $0.ranks == 1 && $0.studies == studies } }
}
