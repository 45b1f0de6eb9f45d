import AltaTrain
import Foundation
import Testing

@Suite struct ScheduleTests {
    /// Rounding of a handful of double-precision operations.
    private static let tolerance = 1e-15

    /// The reference's `learning_rate` (its floor is 0), written again.
    private static func reference(_ epoch: Double, _ peak: Double, _ warmup: Double, _ total: Double) -> Double {
        if epoch < warmup { return peak * epoch / warmup }
        return peak * 0.5 * (1 + cos(Double.pi * (epoch - warmup) / (total - warmup)))
    }

    @Test(arguments: [(10.0, 100.0), (0, 100), (1, 4), (0.5, 3)])
    func followsTheReference(warmup: Double, total: Double) {
        let schedule = Schedule(peak: 1.5e-4, warmupEpochs: warmup, totalEpochs: total)
        for index in 0...1000 {
            let epoch = total * Double(index) / 1000
            let expected = Self.reference(epoch, 1.5e-4, warmup, total)
            #expect(abs(schedule.rate(epoch: epoch) - expected) <= Self.tolerance * 1.5e-4, "epoch \(epoch)")
        }
    }

    /// The rates that the fixtures' steps were made with.
    @Test func givesTheFixturesRates() {
        let schedule = Schedule(peak: 1e-3, warmupEpochs: 1, totalEpochs: 4)
        let rates = (0..<4).map { schedule.rate(epoch: Double($0) / 2) }
        for (rate, expected) in zip(rates, [0.0, 0.0005, 0.001, 0.0009330127018922195]) {
            #expect(abs(rate - expected) <= Self.tolerance)
        }
    }

    @Test func staysDefinedBeyondItsEnd() {
        let schedule = Schedule(peak: 1, warmupEpochs: 2, totalEpochs: 4)
        #expect(schedule.rate(epoch: 4) == 0 && schedule.rate(epoch: 7) == 0)
        #expect(Schedule(peak: 1, warmupEpochs: 0, totalEpochs: 4).rate(epoch: 0) == 1)
        #expect(Schedule(peak: 1, warmupEpochs: 10, totalEpochs: 4).rate(epoch: 12) == 1)
    }
}
