import AltaCore
import AltaData

/// Studies made of noise, for benchmarks: the shapes of real ones and the cost of a step, without a file.
public struct SyntheticStudies: Sendable {
    /// The model that takes them.
    public let config: ModelConfig
    /// How many there are, over all ranks.
    public let count: Int
    /// The tokens of each report, special ones included: `[count]`.
    public let tokenCounts: [Int]
    /// What all noise is drawn from.
    public let seed: UInt64

    /// `count` studies whose reports have `meanTokens` tokens on average (to a token), spread evenly between the longest
    /// that the model takes and as far below the mean.
    ///
    /// - Throws: `AltaError` where the model takes no reports of that mean.
    public static func make(config: ModelConfig, count: Int, meanTokens: Int, seed: UInt64) throws -> SyntheticStudies {
        let shortest = max(3, 2 * meanTokens - config.maxTokens)
        let longest = 2 * meanTokens - shortest
        guard meanTokens >= shortest, longest <= config.maxTokens else {
            throw AltaError(
                "reports of \(meanTokens) tokens on average",
                why: "this model's have from 3 to \(config.maxTokens)",
                remedy: "give --mean-tokens a number in between", exitCode: .usage)
        }
        let order = RandomKey(seed: seed, purpose: .synthesis).permutation(count)
        let span = Double(longest - shortest)
        let counts = order.map { shortest + Int((span * (Double($0) + 0.5) / Double(count)).rounded()) }
        return SyntheticStudies(config: config, count: count, tokenCounts: counts, seed: seed)
    }

    /// A step over all of them, dealt to ranks as training deals its studies.
    public func plan(step: Int, rankCount: Int) -> StepPlan {
        let cost = StudyRecipe(config).radiographCost
        return StepPlan(
            step: step, epoch: 0, fractionalEpoch: 0, studies: (0..<count).map { StudyIndex($0) },
            shares: BatchPlan.deal(costs: tokenCounts.map { cost + $0 }, rankCount: rankCount))
    }

    /// Study `row`. Every second one lacks the auxiliary view, every third the prior, two of three the prior auxiliary.
    ///
    /// Source: `random_batch` of the reference.
    public func study(_ row: Int) -> PreparedStudy {
        let key = RandomKey(seed: seed, purpose: .synthesis).child(UInt64(row))
        let views = config.stage.views.map { view -> PlanarImage? in
            switch view {
            case .currentFrontal: image(key.child(0), side: config.imageSize)
            case .currentAuxiliary: row % 2 == 1 ? nil : image(key.child(1), side: config.imageSize)
            case .priorFrontal: row % 3 == 1 ? nil : image(key.child(2), side: config.imageSize)
            case .priorAuxiliary: row % 3 != 0 ? nil : image(key.child(3), side: config.imageSize)
            }
        }
        return PreparedStudy(
            index: StudyIndex(row), large: image(key.child(4), side: 2 * config.imageSize), views: views,
            patchOrders: views.indices.map { key.child(5).child(UInt64($0)).permutation(config.patches) },
            report: report(key.child(6), tokens: tokenCounts[row]), dropoutKey: key.child(7))
    }

    /// Noise of one channel, uniform with variance 1.
    private func image(_ key: RandomKey, side: Int) -> PlanarImage {
        var pixels = [Float](repeating: 0, count: side * side)
        let bound = Float(3).squareRoot()
        pixels.withUnsafeMutableBufferPointer { key.fillUniform($0, in: -bound..<bound) }
        return PlanarImage(channels: 1, height: side, width: side, pixels: pixels)
    }

    /// Ids of the vocabulary between two that stand for [CLS] and [SEP]; half of them masked.
    private func report(_ key: RandomKey, tokens: Int) -> PreparedReport {
        let special = 5
        var ids = (0..<tokens).map { Int32(special + key.integer($0, below: config.vocabulary - special)) }
        ids[0] = 2
        ids[tokens - 1] = 3
        let masked = (1..<tokens - 1).filter { key.child(1).uniform($0) < 0.5 }
        return PreparedReport(ids: ids, maskedPositions: masked, maskID: 4)
    }
}
