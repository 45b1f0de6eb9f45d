import AltaCore
import AltaTrain
import Testing

@Suite struct StragglerTests {
    private static let hosts = ["a", "b", "c", "d"]

    private static func spreads(data: [Double] = [0, 0, 0, 0], compute: [Double]) -> RankSpreads {
        RankSpreads(data: RankSpread(data), compute: RankSpread(compute), wait: RankSpread([1, 2, 0.5, 2]))
    }

    @Test func aSpreadNamesTheLongestRank() {
        let spread = RankSpread([1, 4, 3, 4])
        #expect(spread.minimum == 1 && spread.mean == 3 && spread.maximum == 4 && spread.longestRank == 1)
    }

    @Test func theLogNamesTheHost() throws {
        let text = try Self.spreads(compute: [1, 1, 3, 1]).json(hosts: Self.hosts).text()
        let compute = try #require(try JSONValue(parsing: text)["compute"])
        #expect(compute["rank"]?.int == 2 && compute["host"]?.string == "c" && compute["mean"]?.double == 1.5)
    }

    /// Whatever one step says, a notice needs the same rank in most steps of a window, by much, and steps worth timing.
    @Test func onlyALastingStragglerIsTold() {
        for (slow, factor, unit, isTold) in [
            (20, 2.0, 1.0, true), (15, 2, 1, false), (20, 1.2, 1, false), (20, 2, 1e-3, false),
        ] {
            var watch = StragglerWatch(hosts: Self.hosts)
            var notes: [String] = []
            for step in 1...20 {
                var compute = [unit, unit, unit, unit]
                compute[step <= slow ? 2 : step % 2] *= factor
                notes += watch.add(Self.spreads(compute: compute), step: step)
            }
            #expect(notes.count == (isTold ? 1 : 0), "\(slow) \(factor) \(unit): \(notes)")
            if isTold { #expect(notes[0].contains("rank 2 on c") && notes[0].contains("steps 1 to 20")) }
        }
    }

    @Test func aLoneRankIsNoStraggler() {
        var watch = StragglerWatch(hosts: ["a"])
        let one = RankSpreads(data: RankSpread([1]), compute: RankSpread([1]), wait: RankSpread([0]))
        #expect((1...40).flatMap { watch.add(one, step: $0) }.isEmpty)
    }
}
