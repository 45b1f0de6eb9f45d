import AltaCore
import Testing

/// The generator as its paper writes it, with the whole 128-bit counter.
private func paperPhilox(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
    var (counter, key) = (counter, key)
    for round in 0..<10 {
        if round > 0 { key = [key[0] &+ 0x9E37_79B9, key[1] &+ 0xBB67_AE85] }
        let first = counter[0].multipliedFullWidth(by: 0xD251_1F53)
        let second = counter[2].multipliedFullWidth(by: 0xCD9E_8D57)
        counter = [second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1], first.low]
    }
    return counter
}

@Suite struct PhiloxTests {
    /// Random123's `kat_vectors`, philox4x32 with 10 rounds; ours has no counter words 2 and 3, so only the first
    /// vector is ours too, and the paper's form carries the rest over.
    @Test func knownAnswers() {
        let zero = Philox.words(counter: 0, key: 0)
        #expect(zero == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        let all = UInt32.max
        #expect(paperPhilox([0, 0, 0, 0], [0, 0]) == [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8])
        #expect(
            paperPhilox([all, all, all, all], [all, all]) == [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD])
        #expect(
            paperPhilox([0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0])
                == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1])
    }

    @Test func equalsThePaperWithASixtyFourBitCounter() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let counter = generator.next()
            let key = generator.next()
            func halves(_ word: UInt64) -> [UInt32] {
                [UInt32(truncatingIfNeeded: word), UInt32(truncatingIfNeeded: word >> 32)]
            }
            let words = Philox.words(counter: counter, key: key)
            #expect((0..<4).map { words[$0] } == paperPhilox(halves(counter) + [0, 0], halves(key)))
        }
    }
}
