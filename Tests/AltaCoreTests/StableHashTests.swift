import AltaCore
import Testing

@Suite struct StableHashTests {
    private func hash(_ text: String) -> UInt64 {
        var hash = StableHash()
        hash.combine(text)
        return hash.value
    }

    /// Answers of the reference implementation (xxhash 0.8).
    @Test func knownAnswers() {
        #expect(hash("") == 0xEF46_DB37_51D8_E999)
        #expect(hash("a") == 0xD24E_C4F1_A98C_6E5B)
        #expect(hash("abc") == 0x44BC_2CF5_AD77_0999)
        #expect(hash("Nobody inspects the spammish repetition") == 0xFBCE_A83C_8A37_8BF1)
    }

    @Test func piecesDoNotMatter() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        var whole = StableHash()
        bytes.withUnsafeBytes { whole.combine($0) }
        for pieceByteCount in [1, 3, 7, 31, 32, 33, 64, 100, 999] {
            var hash = StableHash()
            for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
                let piece = Array(bytes[start..<min(start + pieceByteCount, bytes.count)])
                piece.withUnsafeBytes { hash.combine($0) }
            }
            #expect(hash.value == whole.value, "pieces of \(pieceByteCount)")
        }
    }

    @Test func aFlippedBitChangesTheHash() {
        var seen: Set<UInt64> = []
        for bit in 0..<800 {
            var bytes = [UInt8](repeating: 0, count: 100)
            bytes[bit / 8] = 1 << (bit % 8)
            var hash = StableHash()
            bytes.withUnsafeBytes { hash.combine($0) }
            seen.insert(hash.value)
        }
        #expect(seen.count == 800)
    }

    @Test func hexHasSixteenDigits() {
        #expect(StableHash().hex == "ef46db3751d8e999")
        for number in 0..<100 as Range<UInt64> {
            var hash = StableHash()
            hash.combine(number)
            #expect(hash.hex.count == 16)
        }
    }
}
