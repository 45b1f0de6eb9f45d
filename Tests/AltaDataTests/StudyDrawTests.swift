import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

/// What a step trains on - its studies, how each is augmented, masked, shuffled and dropped out - is the same whatever the
/// number of ranks, whoever prepares a study and in which order: hashes of every position of every step.
@Suite struct StudyDrawTests {
    /// 11 studies in batches of 4: two steps an epoch, of which 3 studies are dropped.
    static let (studyCount, globalBatch, stepCount) = (11, 4, 6)
    static let words = ["heart", "lungs", "clear", ".", "large", "new", "no", "left"]

    /// Studies with and without other views, with reports of one word and of more than fit.
    static func preparer(_ recipe: StudyRecipe) throws -> StudyPreparer {
        let images = ["grey.jpg", "rgb8.png", "colour_420.jpg", "palette8.png"]
        let rows = (0..<studyCount).map { study in
            let views = (0..<View.count).map { view in
                view == 0 || study >> (view - 1) & 1 == 1 ? images[(study + view) % images.count] : "-1"
            }
            let report = (0..<1 + study * 5 % 17).map { words[(study * 3 + $0) % words.count] }
            return (views + [report.joined(separator: " ")]).joined(separator: ",")
        }
        let header = (StudyTable.viewColumns + [StudyTable.reportColumn]).joined(separator: ",")
        let path = try SharedMaterial.temporaryFolder("draws") + "/train.csv"
        try Data(([header] + rows).map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: path))
        var config = ModelConfig()
        (config.imageSize, config.patchSize, config.maxTokens) = (32, 8, 12)
        let tokenizer = try WordPieceTokenizer(
            tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + words, needsSeparator: recipe.needsSeparator)
        return StudyPreparer(
            source: try StudySource.open(path, imageRoot: SharedMaterial.fixture("images"), recipe: recipe),
            reports: ReportPreparation(tokenizer: tokenizer, maxTokens: 12), config: config, seed: 7)
    }

    /// Every step's hashes, as the log adds them up, by position, where `ranks` ranks prepare their shares; `order` is the order of the steps.
    static func hashes(_ preparer: StudyPreparer, ranks: Int, order: [Int]) throws -> [Int: [UInt64?]] {
        let costs = preparer.source.costs(maxTokens: 12)
        var hashes: [Int: [UInt64?]] = [:]
        for rank in (0..<ranks).reversed() {
            var plan = try BatchPlan(costs: costs, globalBatch: globalBatch, seed: 7, rankCount: ranks)
            for step in order {
                let stepPlan = plan.step(step)
                for position in stepPlan.shares[rank].reversed() {
                    let study = try preparer.prepare(stepPlan.studies[position], epoch: stepPlan.epoch)
                    hashes[step, default: Array(repeating: nil, count: globalBatch)][position] =
                        study.hash(at: position)
                }
            }
        }
        return hashes
    }

    @Test(arguments: [StudyRecipe.align, .publishedPretraining])
    func theDrawsOfAStepAreTheSameAtEveryRankCount(recipe: StudyRecipe) throws {
        let preparer = try Self.preparer(recipe)
        let forward = Array(0..<Self.stepCount)
        let expected = try Self.hashes(preparer, ranks: 1, order: forward)
        #expect(expected.values.allSatisfy { !$0.contains(nil) } && expected.count == Self.stepCount)
        // A study is drawn anew in every epoch: no hash stands twice.
        #expect(Set(expected.values.joined()).count == Self.stepCount * Self.globalBatch)
        for ranks in 1...7 {
            let shuffled = RandomKey(seed: UInt64(ranks), purpose: .test).permutation(Self.stepCount)
            #expect(try Self.hashes(preparer, ranks: ranks, order: shuffled) == expected, "\(ranks) ranks")
        }
    }

    /// The hash that a run logs sees each of the draws.
    @Test func everyDrawIsInTheHash() throws {
        let study = try Self.preparer(.align).prepare(StudyIndex(7), epoch: 0)
        let other = try Self.preparer(.align).prepare(StudyIndex(7), epoch: 1)
        func mixed(
            large: PlanarImage? = nil, views: [PlanarImage?]? = nil, orders: [[Int]]? = nil,
            report: PreparedReport? = nil, key: RandomKey? = nil
        ) -> UInt64 {
            PreparedStudy(
                index: study.index, large: large ?? study.large, views: views ?? study.views,
                patchOrders: orders ?? study.patchOrders, report: report ?? study.report,
                dropoutKey: key ?? study.dropoutKey
            ).hash(at: 2)
        }
        let hashes = [
            mixed(), mixed(large: other.large), mixed(views: other.views), mixed(orders: other.patchOrders),
            mixed(report: other.report), mixed(key: other.dropoutKey),
        ]
        #expect(Set(hashes).count == hashes.count)
        #expect(hashes[0] == study.hash(at: 2))
    }
}
