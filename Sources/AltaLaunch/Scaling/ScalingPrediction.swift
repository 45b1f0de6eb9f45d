import AltaCore

/// How a batch grows with the ranks.
public enum ScalingMode: String, CaseIterable, Sendable {
    /// The same global batch at any number of ranks.
    case strong
    /// The same studies for every rank.
    case weak
}

/// A step that the model predicts, against perfect scaling.
public struct ScalingPrediction: Equatable, Sendable {
    /// How the batch grows.
    public var mode: ScalingMode
    /// What a step takes.
    public var step: ScalingStep
    /// Strong: the seconds of one rank with the whole batch over ranks times seconds. Weak: the seconds of one rank alone with
    /// its share over the seconds.
    public var efficiency: Double
    /// What costs most.
    public var limit: ScalingStep.Part

    /// Predicts one job.
    ///
    /// - Parameter studies: strong: of the global batch; weak: of each rank.
    public init(
        _ model: ScalingModel, mode: ScalingMode, ranks: Int, ranksPerHost: Int, studies: Int, network: ScalingNetwork
    ) {
        let batch = mode == .strong ? studies : studies * ranks
        let alone = model.aloneSeconds(studies: studies)
        let ideal = mode == .strong ? alone / Double(ranks) : alone
        let pairs = Double(studies) * Double(studies) / (mode == .strong ? Double(ranks) : 1)
        self.mode = mode
        step = model.step(ranks: ranks, ranksPerHost: ranksPerHost, studies: batch, network: network)
        efficiency = ideal / step.seconds
        limit = step.limit(
            ideal: ideal, idealLocalLoss: model.secondsPerPair * pairs,
            idealFixed: model.fixedSeconds / (mode == .strong ? Double(ranks) : 1))
    }

    /// The numbers of ranks that are predicted.
    public static let ranks = (3...12).map { 1 << $0 }

    /// All networks and numbers of ranks; strong ones where each rank has a study.
    public static func all(
        _ model: ScalingModel, ranksPerHost: Int, studiesPerRank: Int, globalBatch: Int, latencySeconds: Double?
    ) -> [ScalingPrediction] {
        ScalingNetwork.predictedGigabits.flatMap { gigabits in
            let network = ScalingNetwork(gigabits: gigabits, latencySeconds: latencySeconds)
            return ScalingMode.allCases.reversed().flatMap { mode in
                ranks.filter { mode == .weak || $0 <= globalBatch }.map {
                    ScalingPrediction(
                        model, mode: mode, ranks: $0, ranksPerHost: ranksPerHost,
                        studies: mode == .weak ? studiesPerRank : globalBatch, network: network)
                }
            }
        }
    }

    /// As it stands in `scaling.json`.
    var json: JSONValue {
        [
            "mode": .string(mode.rawValue), "network": .string(step.network), "ranks": .integer(step.ranks),
            "hosts": .integer(step.hosts), "studies": .integer(step.studies),
            "seconds_per_step": .number(step.seconds), "studies_per_second": .number(step.studiesPerSecond),
            "efficiency": .number(efficiency), "exposed_communication_seconds": .number(step.communicationSeconds),
            "limit": .string(limit.rawValue),
        ]
    }
}
