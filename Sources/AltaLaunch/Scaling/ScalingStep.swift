/// A predicted step: what it is made of, in seconds.
public struct ScalingStep: Equatable, Sendable {
    /// What a step's time goes to.
    public enum Part: String, CaseIterable, Sendable {
        /// Computing that does not depend on studies.
        case fixed = "fixed work of a step"
        /// The rank's share of the studies.
        case studies = "computing"
        /// Words of the whole batch against the rank's own patches.
        case localLoss = "local loss over the whole batch"
        /// Costlier shares than the mean.
        case imbalance = "load imbalance"
        /// Ranks that slow one another down, and noise.
        case slowdown = "neighbours and noise"
        /// Gradients within a host.
        case sharedSums = "gradient sums in shared memory"
        /// Gradients between hosts, what the backward sweep does not hide.
        case gradientTransfer = "gradients between hosts: bandwidth"
        /// Embeddings to all ranks, and gradients of words back.
        case embeddings = "embeddings between ranks: bandwidth"
        /// Rounds of messages, whatever their size.
        case latency = "latency"
    }

    /// Ranks of the job.
    public var ranks: Int
    /// Hosts of the job.
    public var hosts: Int
    /// The global batch.
    public var studies: Int
    /// The name of the network.
    public var network: String
    /// Seconds of computing by part.
    public var computing: [Part: Double] = [:]
    /// Seconds of exposed communication by part.
    public var communication: [Part: Double] = [:]

    init(ranks: Int, hosts: Int, studies: Int, network: String) {
        self.ranks = ranks
        self.hosts = hosts
        self.studies = studies
        self.network = network
    }

    /// Seconds of the step.
    public var seconds: Double { computeSeconds + communicationSeconds }
    /// Seconds of the slowest rank's computing.
    public var computeSeconds: Double { Self.sum(computing) }
    /// Seconds that communication adds.
    public var communicationSeconds: Double { Self.sum(communication) }
    /// The global batch over the step's seconds.
    public var studiesPerSecond: Double { Double(studies) / seconds }

    /// The largest part beyond what `ideal` seconds, the step of perfect scaling, are made of; computing where that is at
    /// least 95 % of the step.
    ///
    /// - Parameter idealLocalLoss: seconds of the local loss in the ideal step.
    func limit(ideal: Double, idealLocalLoss: Double, idealFixed: Double) -> Part {
        guard ideal < 0.95 * seconds else { return .studies }
        var excess = communication.merging(computing) { $0 + $1 }
        excess[.studies] = nil
        excess[.localLoss, default: 0] -= idealLocalLoss
        excess[.fixed, default: 0] -= idealFixed
        // Parts in a fixed order, so that equal ones give the same answer every time.
        return Part.allCases.max { excess[$0, default: 0] < excess[$1, default: 0] } ?? .studies
    }

    /// Added in the order of the cases: sums of the same parts are the same bits.
    private static func sum(_ parts: [Part: Double]) -> Double {
        Part.allCases.reduce(0) { $0 + parts[$1, default: 0] }
    }
}
