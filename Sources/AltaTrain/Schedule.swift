import AltaCore

/// The learning rate over a run: linear warm-up, then half a cosine to zero.
///
/// Source: `learning_rate` of the reference.
public struct Schedule: Sendable, Equatable {
    /// The rate at the end of warm-up.
    public let peak: Double
    /// Epochs of warm-up; the first step has rate 0 where this is above 0.
    public let warmupEpochs: Double
    /// Epochs after which the rate is 0.
    public let totalEpochs: Double

    /// Stores the three figures.
    public init(peak: Double, warmupEpochs: Double, totalEpochs: Double) {
        self.peak = peak
        self.warmupEpochs = warmupEpochs
        self.totalEpochs = totalEpochs
    }

    /// The schedule of a run.
    public init(_ config: RunConfig) {
        self.init(
            peak: config.peakLearningRate, warmupEpochs: config.warmupEpochs, totalEpochs: config.scheduleEpochs)
    }

    /// The rate of a step that begins at the fractional epoch `epoch`.
    public func rate(epoch: Double) -> Double {
        guard epoch >= warmupEpochs else { return peak * epoch / warmupEpochs }
        guard totalEpochs > warmupEpochs else { return peak }
        let progress = min((epoch - warmupEpochs) / (totalEpochs - warmupEpochs), 1)
        return peak * 0.5 * (1 + Double.cosine(Double.pi * progress))
    }
}
