import Foundation

/// What the scaling model is fitted to: the medians of one configuration's runs.
public struct ScalingObservation: Equatable, Sendable {
    /// Ranks of the job.
    public var ranks: Int
    /// Hosts of the job.
    public var hosts: Int
    /// Ranks on the host that has most.
    public var fullestHostRanks: Int
    /// The global batch.
    public var studies: Int
    /// Seconds of the slowest rank's step.
    public var seconds: Double
    /// Seconds of computing, the mean of the ranks.
    public var meanComputeSeconds: Double
    /// Seconds of computing, the longest of the ranks.
    public var largestComputeSeconds: Double
    /// Of it the contrastive losses.
    public var lossSeconds: Double
    /// Of it the backward sweep.
    public var backwardSeconds: Double
    /// Of it the update.
    public var updateSeconds: Double
    /// Seconds of communication, waiting included, the mean of the ranks.
    public var communicationSeconds: Double
    /// Seconds of waiting for slower ranks, the mean of the ranks.
    public var waitSeconds: Double

    /// Stores the medians.
    /// - Parameter fullestHostRanks: nil: hosts have as many ranks each.
    public init(
        ranks: Int, hosts: Int = 1, fullestHostRanks: Int? = nil, studies: Int, seconds: Double,
        meanComputeSeconds: Double, largestComputeSeconds: Double, lossSeconds: Double, backwardSeconds: Double,
        updateSeconds: Double,
        communicationSeconds: Double, waitSeconds: Double
    ) {
        self.ranks = ranks
        self.hosts = hosts
        self.fullestHostRanks = fullestHostRanks ?? (ranks + hosts - 1) / hosts
        self.studies = studies
        self.seconds = seconds
        self.meanComputeSeconds = meanComputeSeconds
        self.largestComputeSeconds = largestComputeSeconds
        self.lossSeconds = lossSeconds
        self.backwardSeconds = backwardSeconds
        self.updateSeconds = updateSeconds
        self.communicationSeconds = communicationSeconds
        self.waitSeconds = waitSeconds
    }

    /// Computing but for the losses, of the mean rank.
    var otherSeconds: Double { max(0, meanComputeSeconds - lossSeconds) }
    /// Studies of the mean rank.
    var share: Double { Double(studies) / Double(ranks) }
}

/// A sum of int64 over ranks, as `alta-worker bench allreduce` times it.
public struct ReductionTiming: Equatable, Sendable {
    /// Ranks that took part.
    public var ranks: Int
    /// Bytes of each rank.
    public var bytes: Double
    /// Median seconds.
    public var seconds: Double

    /// Stores a timing.
    public init(ranks: Int, bytes: Double, seconds: Double) {
        self.ranks = ranks
        self.bytes = bytes
        self.seconds = seconds
    }
}

extension ScalingModel {
    /// Fits the seconds of a model whose sizes are known to what was measured.
    ///
    /// One-rank runs give the parts of computing (two different batches give the fixed part, one leaves it at the update's),
    /// runs of several ranks the factors of neighbours and noise, timings of reductions the costs of sums.
    /// - Parameters:
    ///   - observations: runs of one thread count, none oversubscribed; one of them of one rank, or nothing is fitted.
    ///   - reductions: of the ranks of one host.
    public mutating func calibrate(_ observations: [ScalingObservation], reductions: [ReductionTiming]) {
        let alone = observations.filter { $0.ranks == 1 }
        guard !alone.isEmpty else { return }
        fitComputing(alone)
        let several = observations.filter { $0.ranks > 1 }
        jitter = max(1, Self.median(several.map { noise($0) }) ?? 1)
        let fullest = several.map(\.fullestHostRanks).max() ?? 1
        let crowded = several.filter { $0.fullestHostRanks == fullest && fullest > 1 }
        crowding = max(1, Self.median(crowded.map { $0.meanComputeSeconds / evenSeconds($0) }) ?? 1)
        fitSums(reductions)
    }

    /// Computing of the mean rank, as this model has it.
    private func evenSeconds(_ run: ScalingObservation) -> Double {
        fixedSeconds + secondsPerStudy * run.share + secondsPerPair * run.share * Double(run.studies)
    }

    /// How much longer the slowest rank computed than its costlier share explains.
    private func noise(_ run: ScalingObservation) -> Double {
        let imbalance = costs.imbalance(studies: run.studies, ranks: run.ranks)
        return run.largestComputeSeconds / max(run.meanComputeSeconds * imbalance, .leastNormalMagnitude)
    }

    private mutating func fitComputing(_ alone: [ScalingObservation]) {
        let line = Self.line(alone.map { ($0.share, $0.otherSeconds) })
        let update = Self.median(alone.map(\.updateSeconds)) ?? 0
        // A slope below zero, or a fixed part below zero, is noise.
        if let line, line.slope > 0, line.start >= 0 {
            (fixedSeconds, secondsPerStudy) = (line.start, line.slope)
        } else {
            fixedSeconds = update
            secondsPerStudy = Self.median(alone.map { max(0, $0.otherSeconds - update) / $0.share }) ?? 0
        }
        fitLosses(alone)
        let sweeps = alone.map { $0.backwardSeconds / max($0.otherSeconds, .leastNormalMagnitude) }
        backwardShare = min(1, Self.median(sweeps) ?? 0)
        ownSumSeconds = Self.median(alone.map(\.communicationSeconds)) ?? 0
    }

    /// What the losses cost whatever the batch belongs to the fixed part.
    private mutating func fitLosses(_ alone: [ScalingObservation]) {
        let points = alone.map { (x: $0.share * Double($0.studies), y: $0.lossSeconds) }
        if let line = Self.line(points), line.slope > 0, line.start >= 0 {
            fixedSeconds += line.start
            secondsPerPair = line.slope
        } else {
            let products = points.reduce(0) { $0 + $1.x * $1.y }
            secondsPerPair = products / max(points.reduce(0) { $0 + $1.x * $1.x }, 1)
        }
    }

    private mutating func fitSums(_ reductions: [ReductionTiming]) {
        let shared = reductions.filter { $0.ranks > 1 }.sorted { $0.bytes < $1.bytes }
        guard let small = shared.first, let large = shared.last else { return }
        sharedLatencySeconds = small.seconds
        if large.bytes > small.bytes {
            sharedSecondsPerByte = max(0, large.seconds - small.seconds) / (large.bytes - small.bytes)
        }
    }

    /// Least squares; nil where all x are one.
    static func line(_ points: [(x: Double, y: Double)]) -> (start: Double, slope: Double)? {
        let count = Double(points.count)
        guard count > 1 else { return nil }
        let (meanX, meanY) = (points.reduce(0) { $0 + $1.x } / count, points.reduce(0) { $0 + $1.y } / count)
        let spread = points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
        guard spread > 1e-12 * meanX * meanX else { return nil }
        let slope = points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) } / spread
        return (meanY - slope * meanX, slope)
    }

    /// The middle one, of an even number the mean of the two; nil of none.
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let (sorted, middle) = (values.sorted(), values.count / 2)
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension ScalingNetwork {
    /// The network between hosts of one rank each, from sums over them; nil where none of several ranks was timed.
    ///
    /// The smallest sum is its rounds' latency, the largest tells the bandwidth.
    /// - Parameter hosts: P, one rank on each.
    public static func measured(_ timings: [ReductionTiming], hosts: Int) -> ScalingNetwork? {
        let sums = timings.filter { $0.ranks == hosts }.sorted { $0.bytes < $1.bytes }
        guard hosts > 1, let small = sums.first, let large = sums.last, large.bytes > small.bytes,
            large.seconds > small.seconds
        else { return nil }
        let rounds = max(1, log2(Double(hosts)).rounded(.up))
        let moved = 2 * Double(hosts - 1) / Double(hosts) * (large.bytes - small.bytes)
        return ScalingNetwork(
            name: "measured", bytesPerSecond: moved / (large.seconds - small.seconds),
            latencySeconds: small.seconds / rounds)
    }
}
