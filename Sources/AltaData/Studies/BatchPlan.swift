import AltaCore

/// What one step trains on, and which rank computes which part of it.
public struct StepPlan: Equatable, Sendable {
    /// The step, from 0.
    public let step: Int
    /// The epoch, from 0.
    public let epoch: Int
    /// The epoch with its fraction before the step: what the learning rate is set from.
    public let fractionalEpoch: Double
    /// The global batch in its order: `[B]`. The same at every rank count.
    public let studies: [StudyIndex]
    /// For each rank the positions in `studies` that it computes, ascending; empty for a rank without a study.
    public let shares: [[Int]]

    /// Stores a plan.
    public init(step: Int, epoch: Int, fractionalEpoch: Double, studies: [StudyIndex], shares: [[Int]]) {
        self.step = step
        self.epoch = epoch
        self.fractionalEpoch = fractionalEpoch
        self.studies = studies
        self.shares = shares
    }
}

/// Who computes what of a step, given each study's cost by position: for each rank the positions it takes, ascending, every
/// position once.
public typealias StudyDeal = @Sendable (_ step: Int, _ costs: [Int], _ rankCount: Int) -> [[Int]]

/// The studies of every step of a run: a pure function of (costs, global batch, seed); the rank count decides only who
/// computes what.
///
/// Each epoch has one permutation of the studies, of which step s takes the next global batch; the last incomplete batch is
/// dropped. Within a step the studies are dealt by cost, longest first, each to the rank that has least so far.
public struct BatchPlan: Sendable {
    /// Studies in a step, over all ranks.
    public let globalBatch: Int
    /// Complete global batches in an epoch.
    public let stepsPerEpoch: Int
    /// The ranks that share a step.
    public let rankCount: Int

    private let costs: [Int]
    private let seed: UInt64
    private let deal: StudyDeal
    private var order: (epoch: Int, permutation: [Int])?

    /// A plan over as many studies as there are costs.
    ///
    /// - Parameters:
    ///   - costs: what each study costs, by row, in any unit.
    ///   - deal: who computes what; by cost where nothing else is asked for. Another deal gives the same run.
    /// - Throws: `AltaError` where the global batch is below 1 or above the number of studies.
    public init(costs: [Int], globalBatch: Int, seed: UInt64, rankCount: Int, deal: StudyDeal? = nil) throws {
        precondition(rankCount > 0, "\(rankCount) ranks")
        self.deal = deal ?? { _, costs, ranks in BatchPlan.deal(costs: costs, rankCount: ranks) }
        guard globalBatch > 0 else {
            throw AltaError(
                "global_batch is \(globalBatch)", why: "a step needs at least 1 study",
                remedy: "set global_batch to a positive number")
        }
        guard costs.count >= globalBatch else {
            throw AltaError(
                "fewer studies than the global batch",
                why: "\(costs.count) studies do not fill one step of \(globalBatch)",
                remedy: "set global_batch to \(max(costs.count, 1)) or less, or give more studies")
        }
        self.costs = costs
        self.globalBatch = globalBatch
        self.seed = seed
        self.rankCount = rankCount
        stepsPerEpoch = costs.count / globalBatch
    }

    /// The plan of step `step`, from 0. Any step may be asked for; the order of the last epoch asked for is kept.
    public mutating func step(_ step: Int) -> StepPlan {
        precondition(step >= 0, "step \(step)")
        let (epoch, stepInEpoch) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
        let start = stepInEpoch * globalBatch
        let studies = permutation(of: epoch)[start..<(start + globalBatch)].map { StudyIndex($0) }
        return StepPlan(
            step: step, epoch: epoch, fractionalEpoch: Double(step) / Double(stepsPerEpoch), studies: studies,
            shares: deal(step, studies.map { costs[$0.row] }, rankCount))
    }

    private mutating func permutation(of epoch: Int) -> [Int] {
        if let order, order.epoch == epoch { return order.permutation }
        let permutation = RandomKey(seed: seed, epoch: epoch, purpose: .sampleOrder).permutation(costs.count)
        order = (epoch, permutation)
        return permutation
    }

    /// Deals positions to ranks by cost: the costliest first (equal costs in their order), each to the rank with the
    /// smallest sum so far (of equal ones the lowest; a cost below 1 counts as 1). Every share ascends; the largest sum is at most 4/3 of the best
    /// possible (Graham 1969).
    public static func deal(costs: [Int], rankCount: Int) -> [[Int]] {
        precondition(rankCount > 0, "\(rankCount) ranks")
        let longestFirst = costs.indices.sorted { (costs[$1], $0) < (costs[$0], $1) }
        var loads = [Int](repeating: 0, count: rankCount)
        var shares = [[Int]](repeating: [], count: rankCount)
        for position in longestFirst {
            var rank = 0
            for other in 1..<rankCount where loads[other] < loads[rank] { rank = other }
            loads[rank] += max(costs[position], 1)
            shares[rank].append(position)
        }
        return shares.map { $0.sorted() }
    }
}
