import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// Attention over ragged sequences, one of them empty, two of them in one study.
struct AttentionOperationTests {
    private let sequences = Segments(lengths: [3, 1, 0, 0, 4, 2])
    private let studies = Segments(lengths: [4, 0, 6])
    private let arena = Arena()

    @Test(arguments: [Float?.none, 0.3]) func attention(rate: Float?) throws {
        let weights = try ProgramWeights()
        let qkv = weights.input("qkv", 10, 24)
        let dropout = rate.map { rate in
            AttentionDropout(
                rate: rate, keys: (0..<6).map { RandomKey(seed: 5, purpose: .dropout).child(UInt64($0)) })
        }
        let check = GradientCheck(weights: weights) { [sequences, studies] tape in
            Outcome(outputs: [
                tape.attention(
                    qkv.variable(on: tape, studies: studies), sequences: sequences, heads: 2, dropout: dropout)
            ])
        }
        let expected = arena.matrix(10, 8)
        Naive.attention(
            qkv.matrix(arena), segments: sequences, heads: 2, into: expected, logSumExp: arena.matrix(10, 2).base,
            dropout: dropout)
        #expect(agree(check.firstOutput(arena), expected))
        check.verify()
    }
}
