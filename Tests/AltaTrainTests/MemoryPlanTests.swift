import AltaCore
import AltaModel
import AltaTrain
import Testing

@Suite struct MemoryPlanTests {
    @Test func moreMemoryFitsMoreStudies() {
        let plan = MemoryPlan(config: ModelConfig())
        let batches = (20...40).map { plan.microBatch(availableBytes: 1 << $0, share: 96) }
        #expect(batches == batches.sorted())
        #expect(batches.first == 1 && batches.last == 96)
        #expect(Set(batches).count > 3)
        #expect(plan.microBatch(availableBytes: 0, share: 0) == 1)
    }

    @Test func whatIsLargerTakesMore() {
        let base = MemoryPlan(config: ModelConfig())
        #expect(base.bytesPerStudy(tokens: 64) < base.bytesPerStudy(tokens: 128))
        let sizes = ModelConfig.presetNames.compactMap { ModelConfig.preset($0) }
            .map { MemoryPlan(config: $0).bytesPerStudy(tokens: 128) }
        #expect(sizes.count == 3 && sizes == sizes.sorted() && Set(sizes).count == 3)
    }

    /// Pretraining has one view, one half of the report and a narrower BERT, but it trains every weight.
    @Test func pretrainingTakesLessAStudyAndMoreInAll() {
        let (align, pretrain) = (RunConfig(), RunConfig(stage: .pretrain))
        let plans = [align, pretrain].map { MemoryPlan(config: $0.model) }
        #expect(2 * plans[1].bytesPerStudy(tokens: 100) < plans[0].bytesPerStudy(tokens: 100))
        let weights = [plans[0].weightBytes(training: align), plans[1].weightBytes(training: pretrain)]
        #expect(weights[0] == Self.frozenBytes + Self.ownBytes)
        #expect(plans[0].weightBytes(training: align, sharingRanks: 4) == Self.frozenBytes / 4 + Self.ownBytes)
        let packed = WeightCatalog.make(pretrain.model).specs.filter(\.isPacked).reduce(0) { $0 + $1.count }
        #expect(weights[1] == Double(8 * packed + 4 * 302_592 + 16 * 151_154_736))
        #expect(plans[0].weightBytes(training: nil) < 0.6 * weights[0])
        var exact = pretrain
        exact.deterministic = true
        #expect(plans[1].weightBytes(training: exact) == weights[1] + 8 * 151_154_736)
    }

    /// The published model: frozen matrices packed twice, the word table plain besides, and other frozen numbers plain.
    private static let frozenBytes: Double = {
        let frozen = WeightCatalog.make(ModelConfig()).specs.filter { !$0.trainsByDefault }
        let packed = frozen.filter(\.isPacked).reduce(0) { $0 + $1.count }
        let plain = frozen.filter { !$0.isPacked }.reduce(0) { $0 + $1.count }
        return Double(8 * packed + 4 * (plain + 30522 * 768))
    }()

    /// What trains: master copy, gradient, two moments, whole-number sums, and its matrices packed twice.
    private static let ownBytes: Double = {
        let specs = WeightCatalog.make(ModelConfig()).specs.filter(\.trainsByDefault)
        let packed = specs.filter(\.isPacked).reduce(0) { $0 + $1.count }
        return Double(8 * packed + 24 * specs.reduce(0) { $0 + $1.count })
    }()

    /// What the weights leave, where that is less than half.
    @Test func studiesDoNotTakeTheWeightsPlace() {
        let config = RunConfig(stage: .pretrain)
        let plan = MemoryPlan(config: config.model)
        let study = plan.bytesPerStudy(tokens: config.model.maxTokens)
        let available = Int(plan.weightBytes(training: config)) + 5 * study
        #expect(plan.microBatch(availableBytes: available, share: 96, training: config) == 5)
        #expect(plan.microBatch(availableBytes: available, share: 96) > 5)
        #expect(plan.microBatch(availableBytes: 1 << 40, share: 96, training: config) == 96)
    }

    /// The plan is an estimate from above, and no wild one: the published model takes 0.2 to 2 GB a study.
    @Test func theOrderOfMagnitudeIsRight() {
        let bytes = MemoryPlan(config: ModelConfig()).bytesPerStudy(tokens: 128)
        #expect((200 << 20..<2 << 30).contains(bytes))
    }
}
