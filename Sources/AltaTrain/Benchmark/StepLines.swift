import AltaComm
import AltaCore
import AltaData
import AltaPlacement
import AltaTensor

/// A step as one rank took it.
struct TimedStep {
    let report: StepReport
    let elapsedSeconds: Double
    let processorSeconds: Double
    let bytesSent: Int

    /// What the rank did itself.
    var computeSeconds: Double { elapsedSeconds - communicationSeconds }
    /// What the rank spent on others: moving, adding up, waiting.
    var communicationSeconds: Double { report.seconds[.communication] ?? 0 }
}

/// What `bench step` says of each step.
struct StepLines {
    private let options: StepBenchmark.Options
    private let context: RankContext
    private let facts: JSONObject
    private let peak: Double
    private var first: StepReport?

    /// - Parameters:
    ///   - peak: GFLOP/s of all ranks together.
    ///   - keepsBits: whether every rank can keep the bits of sums that do not depend on their order.
    ///   - gradientBytes: of a rank's sums of gradients.
    init(
        options: StepBenchmark.Options, context: RankContext, studies: SyntheticStudies, peak: Double, keepsBits: Bool,
        gradientBytes: Int
    ) {
        self.options = options
        self.context = context
        self.peak = peak
        facts = StepLines.facts(
            options, context, studies, keepsBits: keepsBits && options.isDeterministic, gradientBytes: gradientBytes)
    }

    /// Collective. The line of a step, from 0; the steps come in their order.
    mutating func line(of timed: TimedStep, step: Int) throws -> JSONObject {
        let collectives = context.collectives
        let first = first ?? timed.report
        self.first = first
        var line = JSONObject()
        line["step"] = .integer(step + 1 - options.warmUpSteps)
        for member in facts.members { line[member.key] = member.value }
        for (key, value) in try slowest(timed) { line[key] = value }
        let seconds = try collectives.allReduce(timed.elapsedSeconds, .maximum)
        let gflop = timed.report.gflop
        line["processor_seconds"] = .number(try collectives.allReduce(timed.processorSeconds, .sum))
        line["gflop"] = .number(gflop)
        line["gflops"] = .number(gflop / seconds)
        line["gemm_peak_gflops"] = .number(peak)
        line["peak_share"] = .number(gflop / seconds / peak)
        let memory = try context.agree { try ProcessMemory.peakResidentBytes() }
        line["peak_memory_bytes"] = .integer(Int(try collectives.allReduce(Int64(memory), .maximum)))
        line["bytes_sent"] = .integer(Int(try collectives.allReduce(Int64(timed.bytesSent), .maximum)))
        line["loss"] = .number(timed.report.losses.total)
        line["gradient_norm"] = .number(timed.report.gradientNorm)
        line["result_hash"] = .string(timed.report.resultHash)
        line["first_loss"] = .number(first.losses.total)
        line["first_hash"] = .string(first.resultHash)
        return line
    }

    private static func facts(
        _ options: StepBenchmark.Options, _ context: RankContext, _ studies: SyntheticStudies, keepsBits: Bool,
        gradientBytes: Int
    ) -> JSONObject {
        let words = studies.tokenCounts.reduce(0) { $0 + $1 - 1 }
        let vectors = options.model.stage == .align ? 4 * options.model.projection : 0
        var facts = JSONObject()
        facts["model"] = .string(options.modelName)
        facts["precision"] = .string(options.precision.rawValue)
        facts["ranks"] = .integer(context.collectives.rankCount)
        facts["threads"] = .integer(context.engine.threads)
        facts["studies"] = .integer(options.studies)
        facts["deterministic"] = .bool(options.isDeterministic)
        facts["keeps_bits"] = .bool(keepsBits)
        facts["absent_views"] = .string(options.absentViews.rawValue)
        facts["kernels"] = .string(context.engine.kernelFingerprint)
        facts["transport"] = .string(options.transport)
        facts["gradient_bytes"] = .integer(gradientBytes)
        facts["gathered_bytes"] = .integer(vectors * (words + 2 * studies.count))
        facts["word_gradient_bytes"] = .integer(2 * vectors * words)
        facts["radiograph_cost"] = .integer(StudyRecipe(options.model).radiographCost)
        facts["shortest_report"] = .integer(studies.tokenCounts.min() ?? 0)
        facts["longest_report"] = .integer(studies.tokenCounts.max() ?? 0)
        return facts
    }

    /// Collective. The time of the slowest rank's step with that rank's phases, and which rank computed longest.
    private func slowest(_ timed: TimedStep) throws -> [(String, JSONValue)] {
        let own =
            [timed.elapsedSeconds, timed.report.secondsWaited, timed.computeSeconds, timed.communicationSeconds]
            + Phase.allCases.map { timed.report.seconds[$0] ?? 0 }
        let all: [[Double]] = try context.collectives.allGather(own)
        let hosts = context.hostNames
        func spread(_ field: Int) -> RankSpread { RankSpread(all.map { $0[field] }) }
        let last = all[spread(0).longestRank]
        let compute = spread(2)
        return [
            ("seconds_per_step", .number(last[0])), ("communication_wait", .number(last[1])),
            ("studies_per_second", .number(Double(options.studies) / last[0])),
            ("seconds", .object(members: zip(Phase.allCases, last.dropFirst(4)).map { ($0.rawValue, .number($1)) })),
            (
                "compute_seconds",
                [
                    "minimum": .number(compute.minimum), "mean": .number(compute.mean),
                    "maximum": .number(compute.maximum),
                ]
            ),
            ("mean_communication_seconds", .number(spread(3).mean)),
            ("mean_wait_seconds", .number(spread(1).mean)), ("slowest_rank", .integer(compute.longestRank)),
            ("slowest_host", .string(hosts[compute.longestRank])),
            ("host_count", .integer(Set(hosts).count)),
        ]
    }
}

extension StepReport {
    /// Of the bits of the losses and of the gradient's norm: equal where two steps came to the same.
    var resultHash: String {
        var hash = StableHash()
        for loss in losses.named { hash.combine(loss.value.bitPattern) }
        hash.combine(gradientNorm.bitPattern)
        return hash.hex
    }
}
