import AltaCore
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
        #expect(weights[0] == 12 * 242_177_854 + 20 * 18_333_502)
        #expect(weights[1] == 12 * (151_154_736 + 302_592) + 12 * 151_154_736)
        #expect(plans[0].weightBytes(training: nil) == 12 * 242_177_854)
        var exact = pretrain
        exact.deterministic = true
        #expect(plans[1].weightBytes(training: exact) == weights[1] + 8 * 151_154_736)
    }

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
