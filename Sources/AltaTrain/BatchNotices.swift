import AltaCore
import Foundation

extension RunConfig {
    /// The largest peak rate that the linear rule may give without a word. Contrastive models of 32,768 pairs a step were
    /// trained with 5e-4 (CLIP, arXiv:2103.00020); MAE with 2.4e-3 at 4,096 from random weights (arXiv:2111.06377), which
    /// pretrained weights, or fewer images, may not bear.
    private var largestUntoldRate: Double { stage == .align ? 5e-4 : 2e-3 }

    /// An epoch of fewer steps is worth a word, where the batch is larger than the published one.
    private static let fewStepsPerEpoch = 10

    /// What a person should know of the global batch before it is trained with; none where it is an ordinary one.
    ///
    /// - Parameter studies: how many there are to train on.
    public func batchNotices(studies: Int) -> [String] {
        [rateNotice, shareNotice(studies: studies)].compactMap { $0 }
    }

    /// The linear rule holds for SGD (arXiv:1706.02677); Adam's best rate grows with the square root of the batch
    /// (arXiv:2205.10287), as long as it grows.
    private var rateNotice: String? {
        guard learningRate == nil, peakLearningRate > largestUntoldRate else { return nil }
        let published = RunConfig(stage: stage)
        let root = published.peakLearningRate * (Double(globalBatch) / Double(published.globalBatch)).squareRoot()
        return "warning: learning_rate is not set, and for a global batch of \(globalBatch) the linear rule gives "
            + "\(RunConfig.short(peakLearningRate)); above \(RunConfig.short(largestUntoldRate)) training may diverge. Set it: the "
            + "square root of the batch, a better rule for AdamW, gives \(RunConfig.short(root))"
    }

    private func shareNotice(studies: Int) -> String? {
        let steps = studies / globalBatch
        guard globalBatch > RunConfig(stage: stage).globalBatch, steps < Self.fewStepsPerEpoch else { return nil }
        let why =
            stage == .align
            ? "normal reports that say the same are compared as if they differed, the more the larger the batch"
            : "the weights make few updates"
        return "note: an epoch has \(steps) steps, for a global batch of \(globalBatch) is a large share of \(studies) "
            + "studies: \(why); a smaller global_batch may train better"
    }

    /// Two digits, as 3.7e-04.
    private static func short(_ rate: Double) -> String { String(format: "%.1e", rate) }
}
