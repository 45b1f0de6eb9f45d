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

    /// The plan is an estimate from above, and no wild one: the published model takes 0.2 to 2 GB a study.
    @Test func theOrderOfMagnitudeIsRight() {
        let bytes = MemoryPlan(config: ModelConfig()).bytesPerStudy(tokens: 128)
        #expect((200 << 20..<2 << 30).contains(bytes))
    }
}
