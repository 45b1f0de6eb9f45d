import AltaCore
import AltaData
import Testing

@Suite struct BatchPlanTests {
    /// Costs as of studies with reports of 20 to 126 tokens.
    static func costs(_ count: Int, seed: UInt64 = 1) -> [Int] {
        let key = RandomKey(seed: seed, purpose: .test)
        return (0..<count).map { 126 + 20 + key.integer($0, below: 107) }
    }

    /// (studies, global batch, ranks): divisible or not, one step an epoch or many, more ranks than studies.
    static let shapes = [(116, 14, 3), (116, 16, 2), (96, 96, 5), (10, 1, 4), (7, 3, 1), (50, 4, 7), (1000, 96, 64)]

    @Test(arguments: shapes) func sharesPartitionTheGlobalBatch(count: Int, batch: Int, ranks: Int) throws {
        var plan = try BatchPlan(costs: Self.costs(count), globalBatch: batch, seed: 3, rankCount: ranks)
        for step in 0..<(2 * plan.stepsPerEpoch) {
            let stepPlan = plan.step(step)
            #expect(stepPlan.shares.count == ranks)
            #expect(stepPlan.shares.flatMap { $0 }.sorted() == Array(0..<batch))
            #expect(stepPlan.shares.allSatisfy { $0 == $0.sorted() })
            #expect(stepPlan.studies.count == batch)
        }
    }

    @Test(arguments: shapes) func eachStudyAtMostOnceAnEpoch(count: Int, batch: Int, ranks: Int) throws {
        var plan = try BatchPlan(costs: Self.costs(count), globalBatch: batch, seed: 3, rankCount: ranks)
        #expect(plan.stepsPerEpoch == count / batch)
        for epoch in 0..<2 {
            let steps = (0..<plan.stepsPerEpoch).map { plan.step(epoch * plan.stepsPerEpoch + $0) }
            let rows = steps.flatMap(\.studies).map(\.row)
            #expect(Set(rows).count == plan.stepsPerEpoch * batch)
            #expect(rows.allSatisfy { (0..<count).contains($0) })
            #expect(steps.allSatisfy { $0.epoch == epoch })
        }
    }

    @Test func theRankCountDecidesOnlyWhoComputesWhat() throws {
        let costs = Self.costs(116)
        var one = try BatchPlan(costs: costs, globalBatch: 14, seed: 9, rankCount: 1)
        for ranks in 2...17 {
            var many = try BatchPlan(costs: costs, globalBatch: 14, seed: 9, rankCount: ranks)
            for step in [0, 5, 8, 31] { #expect(many.step(step).studies == one.step(step).studies) }
        }
    }

    @Test func stepsMayBeAskedForInAnyOrder() throws {
        var forward = try BatchPlan(costs: Self.costs(60), globalBatch: 8, seed: 2, rankCount: 3)
        var backward = forward
        let plans = (0..<30).map { forward.step($0) }
        #expect((0..<30).reversed().map { backward.step($0) } == plans.reversed())
        #expect(Set(plans.map(\.studies)).count == 30)
    }

    @Test func seedAndEpochChangeTheOrder() throws {
        var first = try BatchPlan(costs: Self.costs(60), globalBatch: 60, seed: 2, rankCount: 1)
        var second = try BatchPlan(costs: Self.costs(60), globalBatch: 60, seed: 3, rankCount: 1)
        #expect(first.step(0).studies != second.step(0).studies)
        #expect(first.step(0).studies != first.step(1).studies)
        #expect(first.step(0).studies != first.step(0).studies.sorted())
    }

    @Test func theFractionalEpochIsThatBeforeTheStep() throws {
        var plan = try BatchPlan(costs: Self.costs(50), globalBatch: 12, seed: 2, rankCount: 1)
        #expect(plan.step(0).fractionalEpoch == 0)
        #expect(plan.step(3).fractionalEpoch == 0.75)
        #expect(plan.step(6).fractionalEpoch == 1.5)
        #expect(plan.step(6).epoch == 1)
    }

    /// The busiest rank is what a step waits for.
    @Test func dealingByCostBalances() throws {
        func imbalance(_ costs: [Int], _ shares: [[Int]]) -> Double {
            let loads = shares.map { share in share.reduce(0) { $0 + costs[$1] } }
            let mean = Double(loads.reduce(0, +)) / Double(loads.count)
            return Double(loads.max() ?? 0) / mean - 1
        }
        var dealt = 0.0
        var inOrder = 0.0
        for seed in 0..<20 as Range<UInt64> {
            let costs = Self.costs(256, seed: seed)
            dealt = max(dealt, imbalance(costs, BatchPlan.deal(costs: costs, rankCount: 64)))
            inOrder += imbalance(costs, (0..<64).map { rank in Array((4 * rank)..<(4 * rank + 4)) }) / 20
        }
        #expect(dealt < 0.02, "\(dealt)")
        #expect(inOrder > 0.1, "\(inOrder)")
    }

    @Test func dealingIsLongestFirstToTheLeastLoaded() {
        #expect(BatchPlan.deal(costs: [1, 9, 5, 5, 2], rankCount: 2) == [[1, 4], [0, 2, 3]])
        #expect(BatchPlan.deal(costs: [4, 4, 4], rankCount: 5) == [[0], [1], [2], [], []])
        #expect(BatchPlan.deal(costs: [0, 0, 0, 0], rankCount: 2) == [[0, 2], [1, 3]])
    }

    @Test func tooFewStudiesNamesBothNumbers() {
        let error = #expect(throws: AltaError.self) {
            try BatchPlan(costs: [1, 2, 3], globalBatch: 96, seed: 1, rankCount: 1)
        }
        #expect(error?.description.contains("3 studies") == true)
        #expect(error?.description.contains("96") == true)
        #expect(error?.remedy?.contains("global_batch") == true)
        #expect(throws: AltaError.self) { try BatchPlan(costs: [1], globalBatch: -4, seed: 1, rankCount: 1) }
        #expect(throws: AltaError.self) { try BatchPlan(costs: [], globalBatch: 1, seed: 1, rankCount: 1) }
    }
}
