import AltaTensor
import Testing

@Suite struct FingerprintTests {
    @Test(arguments: NumberFormat.allCases) func threadsAndUseLeaveIt(format: NumberFormat) throws {
        let (one, two) = (try Engine(threads: 1, format: format), try Engine(threads: 2, format: format))
        let fingerprint = one.kernelFingerprint
        #expect(two.kernelFingerprint == fingerprint)
        #expect(one.kernelFingerprint == fingerprint)
        #expect(fingerprint.contains(one.kernelName(outputs: 768, inputs: 768)))
    }

    @Test func formatsAndKernelsDiffer() throws {
        let fingerprints = try [
            Engine(threads: 1), Engine(threads: 1, format: .half),
            Engine(threads: 1, format: .half, halfKernels: .widened),
        ].map(\.kernelFingerprint)
        #expect(fingerprints[0] != fingerprints[1])
        #expect((fingerprints[1] == fingerprints[2]) == (HalfKernels.best == .widened))
    }
}
