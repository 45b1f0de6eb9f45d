import AltaCore
import AltaTensor
import Testing

/// Random tensors against the plain versions.
struct RandomFillTests {
    /// One unit in the last place: logarithm, sine and cosine of two libraries, rounded to Float.
    static let relativeTolerance: Float = 0x1p-23

    @Test(arguments: [0, 1, 63, 64, 127, 128, 129, 4099, 100_003])
    func equalsThePlainVersion(count: Int) {
        let key = RandomKey(seed: 7, purpose: .test).child(UInt64(count))
        var (plain, fast) = ([Float](repeating: 9, count: count + 1), [Float](repeating: 9, count: count + 1))
        fill(&plain, count) { key.fillUniform($0, in: -0.3..<0.4) }
        fill(&fast, count) { RandomFill.uniform($0, in: -0.3..<0.4, key: key) }
        #expect(plain == fast)
        fill(&plain, count) { key.fillNormal($0, deviation: 0.02) }
        fill(&fast, count) { RandomFill.normal($0, deviation: 0.02, key: key) }
        #expect(zip(plain, fast).allSatisfy { abs($0 - $1) <= Self.relativeTolerance * abs($0) })
        #expect(plain.last == 9 && fast.last == 9)
    }

    private func fill(_ values: inout [Float], _ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
        values.withUnsafeMutableBufferPointer { body(UnsafeMutableBufferPointer(rebasing: $0[..<count])) }
    }
}
