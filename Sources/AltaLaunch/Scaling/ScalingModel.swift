import Foundation

/// Predicts the seconds of a training step at any number of ranks from a few measured numbers.
///
/// What it assumes (and `bench` states its error against what it measured):
/// - A rank's computing is a fixed part, a part for each of its studies, and for each of its studies a part for each study of
///   the global batch (the local loss compares words with patches of all).
/// - The costliest share decides (`StudyCosts`); ranks beside others on their host are slower by one factor, that of the
///   fullest host that was measured; all hosts and links are alike, and no link is shared between hosts.
/// - Gradients are added up in shared memory at the measured rate, by processors, so that nothing hides it; then between
///   hosts, in buckets, of which a measured or assumed share of the last backward sweep hides the transfer, though never
///   of the last bucket.
/// - Embeddings and gradients of words travel at once and hide behind nothing.
public struct ScalingModel: Equatable, Sendable {
    /// A step's computing that does not depend on studies: the update, and what a pass costs at least. Seconds.
    public var fixedSeconds = 0.0
    /// Computing of a study of mean cost but for the local loss. Seconds.
    public var secondsPerStudy = 0.0
    /// The contrastive losses of a study with one study of the global batch. Seconds.
    public var secondsPerPair = 0.0
    /// The share of `secondsPerStudy` that is the backward sweep.
    public var backwardShare = 0.0
    /// How much slower a rank computes on a full host.
    public var crowding = 1.0
    /// How much longer the slowest rank computes than its share explains.
    public var jitter = 1.0
    /// What a lone rank spends on its own sums of gradients; ranks of a host share it out. Seconds.
    public var ownSumSeconds = 0.0
    /// Adding gradients up in shared memory: seconds of a byte of one rank's sums.
    public var sharedSecondsPerByte = 0.0
    /// A small collective of the ranks of one host. Seconds.
    public var sharedLatencySeconds = 0.0
    /// Bytes of a rank's sums of gradients.
    public var gradientBytes = 0.0
    /// Bytes of embeddings that a study adds to what is gathered.
    public var gatheredBytesPerStudy = 0.0
    /// Bytes of word gradients that a study adds to what is added up.
    public var wordGradientBytesPerStudy = 0.0
    /// The share of the last backward sweep during which sums between hosts make progress: MPI works inside its calls only
    /// (0.6 where it was tested each millisecond at 5 Gbit/s).
    public var hiddenShare = 0.6
    /// What studies cost.
    public var costs = StudyCosts(radiographs: 1, reports: [0])

    /// A model of a machine that takes no time.
    public init() {}

    /// Bytes of gradients that are added up at once.
    public static let bucketBytes = 4.0 * 1024 * 1024
    /// Reductions of buckets that are under way at once: so many latencies pass together.
    public static let bucketsUnderWay = 3.0
    /// Reports whose word gradients are added up at once.
    public static let blockStudies = 128
    /// Small collectives of a step, and for each block of reports.
    public static let smallCollectives = (perStep: 12.0, perBlock: 1.0)

    /// Computing of one rank alone with the whole batch. Seconds.
    public func aloneSeconds(studies: Int) -> Double {
        let count = Double(studies)
        return fixedSeconds + secondsPerStudy * count + secondsPerPair * count * count + ownSumSeconds
    }

    /// What a step takes, and where it goes.
    ///
    /// - Parameters:
    ///   - ranksPerHost: of a full host; a job of fewer ranks has one host.
    ///   - network: between hosts; does not matter on one.
    public func step(ranks: Int, ranksPerHost: Int, studies: Int, network: ScalingNetwork) -> ScalingStep {
        let onHost = min(ranks, ranksPerHost)
        let hosts = (ranks + ranksPerHost - 1) / ranksPerHost
        let net = CollectiveCosts(hosts: hosts, ranksPerHost: onHost, network: network)
        var step = ScalingStep(ranks: ranks, hosts: hosts, studies: studies, network: network.name)
        let own = Double(studies) / Double(ranks)
        let most = Double((studies + ranks - 1) / ranks)
        let imbalance = costs.imbalance(studies: studies, ranks: ranks)
        step.computing[.fixed] = fixedSeconds
        step.computing[.studies] = secondsPerStudy * own
        step.computing[.localLoss] = secondsPerPair * own * Double(studies)
        step.computing[.imbalance] =
            secondsPerStudy * own * (imbalance - 1) + secondsPerPair * (most - own) * Double(studies)
        let even = step.computing.values.reduce(0, +)
        let slowdown = (onHost > 1 ? crowding : 1) * (ranks > 1 ? jitter : 1)
        step.computing[.slowdown] = even * (slowdown - 1)
        step.communication = communication(net, onHost: onHost, studies: studies, sweep: own * secondsPerStudy)
        return step
    }

    private func communication(
        _ net: CollectiveCosts, onHost: Int, studies: Int, sweep: Double
    ) -> [ScalingStep.Part: Double] {
        let batch = Double(studies)
        let blocks = Double((studies + Self.blockStudies - 1) / Self.blockStudies)
        var parts: [ScalingStep.Part: Double] = [:]
        parts[.sharedSums] =
            ownSumSeconds / Double(onHost) + (onHost > 1 ? gradientBytes * sharedSecondsPerByte : 0)
        let buckets = max(1, (gradientBytes / Self.bucketBytes).rounded(.up))
        let bucket = net.allReduce(bytes: gradientBytes / buckets)
        let all = buckets * bucket.transfer + buckets * bucket.latency / min(Self.bucketsUnderWay, buckets)
        let hidden = hiddenShare * backwardShare * sweep
        let exposed = max(bucket.seconds, all - hidden)
        let isLatency = bucket.latency / min(Self.bucketsUnderWay, buckets) > bucket.transfer
        parts[.gradientTransfer] = isLatency ? 0 : exposed
        let gathered = net.allGather(bytes: batch * gatheredBytesPerStudy)
        let words = blocks * net.allGather(bytes: batch * wordGradientBytesPerStudy / blocks)
        parts[.embeddings] = gathered.transfer + words.transfer
        if onHost > 1 {
            parts[.embeddings, default: 0] +=
                batch * (gatheredBytesPerStudy + wordGradientBytesPerStudy) * sharedSecondsPerByte
        }
        let calls = Self.smallCollectives.perStep + Self.smallCollectives.perBlock * blocks
        let shared = onHost > 1 ? calls * sharedLatencySeconds : 0
        parts[.latency] =
            calls * net.small().seconds + shared + gathered.latency + words.latency + (isLatency ? exposed : 0)
        return parts
    }
}
