import AltaCore
import Testing

@Suite struct RandomKeyTests {
    private let key = RandomKey(seed: 7, purpose: .test)
    /// Draws of each statistical test; fixed keys, so a test passes always or never.
    private let draws = 100_000

    @Test func elementsAreWordsOfInterleavedCounters() {
        for element in [0, 1, 15, 16, 17, 63, 64, 1000, 123_456] {
            let counter = UInt64(element / 64 * 16 + element % 16)
            #expect(key.word(element) == Philox.words(counter: counter, key: key.bits)[element / 16 % 4])
        }
    }

    @Test func everyPartOfTheNameGivesAnotherStream() {
        let streams = [
            RandomKey(seed: 1, purpose: .dropout), RandomKey(seed: 2, purpose: .dropout),
            RandomKey(seed: 1, purpose: .patchMask), RandomKey(seed: 1, epoch: 0, purpose: .dropout),
            RandomKey(seed: 1, epoch: 1, purpose: .dropout),
            RandomKey(seed: 1, epoch: 0, study: StudyIndex(0), purpose: .dropout),
            RandomKey(seed: 1, epoch: 0, study: StudyIndex(1), purpose: .dropout),
            RandomKey(seed: 1, epoch: 1, study: StudyIndex(0), purpose: .dropout),
            RandomKey(seed: 1, epoch: 0, study: StudyIndex(0), purpose: .dropout).child(0),
            RandomKey(seed: 1, epoch: 0, study: StudyIndex(0), purpose: .dropout).child(1),
        ]
        #expect(Set(streams.map(\.bits)).count == streams.count)
        #expect(Set(streams.map { $0.word(0) }).count == streams.count)
    }

    @Test func neighbouringKeysDoNotCollide() {
        let bits = (0..<300).flatMap { epoch in
            (0..<300).map { RandomKey(seed: 1, epoch: epoch, study: StudyIndex($0), purpose: .dropout).bits }
        }
        #expect(Set(bits).count == 90_000)
    }

    @Test func uniformNumbersAreUniform() {
        var (buckets, sum, sumDouble) = ([Int](repeating: 0, count: 100), 0.0, 0.0)
        for element in 0..<draws {
            let value = key.uniform(element)
            #expect(value >= 0 && value < 1)
            buckets[Int(value * 100)] += 1
            sum += Double(value)
            sumDouble += key.uniformDouble(element)
        }
        let expected = Double(draws) / 100
        let chiSquared = buckets.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // 99 degrees of freedom: mean 99, standard deviation 14; five of those either way.
        #expect(chiSquared > 29 && chiSquared < 169)
        // The mean of n uniform numbers deviates by 0.29 / sqrt(n).
        let tolerance = 5 * 0.29 / Double(draws).squareRoot()
        #expect(abs(sum / Double(draws) - 0.5) < tolerance)
        #expect(abs(sumDouble / Double(draws) - 0.5) < tolerance)
    }

    @Test func normalNumbersHaveMomentsOfTheNormalDistribution() {
        let values = (0..<draws).map(key.normal)
        let count = Double(draws)
        let mean = values.reduce(0, +) / count
        let variance = values.reduce(0) { $0 + $1 * $1 } / count
        let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count
        // Standard errors: 1, sqrt(2) and sqrt(96) over sqrt(n); five of those.
        #expect(abs(mean) < 5 / count.squareRoot())
        #expect(abs(variance - 1) < 5 * 1.42 / count.squareRoot())
        #expect(abs(fourth - 3) < 5 * 9.8 / count.squareRoot())
        #expect(values.allSatisfy { $0.isFinite })
    }

    @Test func integersStayBelowTheirBoundAndReachEveryValue() {
        var counts = [Int](repeating: 0, count: 7)
        for element in 0..<7000 { counts[key.integer(element, below: 7)] += 1 }
        // 1000 expected in each, standard deviation 29; five of those.
        #expect(counts.allSatisfy { abs($0 - 1000) < 146 })
        #expect((0..<100).allSatisfy { key.integer($0, below: 1) == 0 })
        let large = Int(UInt32.max)
        let draws = (0..<1000).map { key.integer($0, below: large) }
        #expect(draws.allSatisfy { (0..<large).contains($0) })
        #expect(draws.contains { $0 > large / 2 } && draws.contains { $0 < large / 2 })
    }

    @Test(arguments: [0, 1, 2, 3, 10, 1000]) func permutationsHoldEveryIndexOnce(count: Int) {
        #expect(key.permutation(count).sorted() == Array(0..<count))
    }

    @Test func permutationsOfThreeAreEquallyLikely() {
        var counts: [[Int]: Int] = [:]
        for child in 0..<6000 { counts[key.child(UInt64(child)).permutation(3), default: 0] += 1 }
        // 1000 expected of each of the six, standard deviation 29; five of those.
        #expect(counts.count == 6)
        #expect(counts.values.allSatisfy { abs($0 - 1000) < 146 })
    }

    @Test func streamsAreRepeatable() {
        #expect(key.permutation(100) == RandomKey(seed: 7, purpose: .test).permutation(100))
        // Pinned: a run that is resumed with a later version must draw the same numbers.
        let words = (0..<4).map { RandomKey(seed: 1, epoch: 2, study: StudyIndex(3), purpose: .dropout).word($0) }
        #expect(words == [2_098_267_875, 4_085_454_188, 2_991_424_273, 2_154_257_748])
    }
}
