import AltaObjective
import Foundation
import Testing

/// The reference of the other tests is itself held to central differences.
@Suite struct NaiveContrastiveTests {
    /// Central differences of step 1e-5 in double precision: truncation about 1e-10, cancellation about 1e-11.
    static let tolerance = 1e-7
    static let step = 1e-5

    @Test func closedFormIsTheGradient() {
        let batch = SampleBatch.random(seed: 1, width: 4, patches: 5, wordCounts: [3, 1, 4])
        let naive = NaiveContrastive(batch)
        let gradient = naive.gradient()
        var place = 0
        for i in 0..<3 {
            for c in 0..<4 {
                check(naive, \.images[i][c], gradient.images[i * 4 + c])
                check(naive, \.texts[i][c], gradient.texts[i * 4 + c])
                for p in 0..<5 { check(naive, \.patches[i][p][c], gradient.patches[(i * 5 + p) * 4 + c]) }
            }
            for w in 0..<batch.wordCounts[i] {
                for c in 0..<4 { check(naive, \.words[i][w][c], gradient.words[(place + w) * 4 + c]) }
            }
            place += batch.wordCounts[i]
        }
        for k in 0..<4 { check(naive, \.scales[k], gradient.scales[k]) }
    }

    private func check(
        _ naive: NaiveContrastive, _ path: WritableKeyPath<NaiveContrastive, Double>, _ expected: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var (above, below) = (naive, naive)
        above[keyPath: path] += Self.step
        below[keyPath: path] -= Self.step
        let difference = (above.loss - below.loss) / (2 * Self.step)
        #expect(
            abs(difference - expected) < Self.tolerance * max(1, abs(expected)), "\(difference) and \(expected)",
            sourceLocation: sourceLocation)
    }
}
