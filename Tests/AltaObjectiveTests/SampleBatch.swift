import AltaCore
import AltaObjective

/// A global batch of embeddings as plain arrays, in global order, to be dealt to ranks.
struct SampleBatch: Sendable {
    var width: Int
    var patchesPerStudy: Int
    /// `[B]`.
    var wordCounts: [Int]
    /// `[B, d]`.
    var images: [Float]
    /// `[B, d]`.
    var texts: [Float]
    /// `[B * P, d]`.
    var patches: [Float]
    /// `[sum of W_i, d]`.
    var words: [Float]
    var scales: ContrastiveScales

    var count: Int { wordCounts.count }
    var segments: Segments { Segments(lengths: wordCounts) }

    /// The published initial temperature, ln(1 / 0.07).
    static let initialScale: Float = 2.659_26

    /// Normal numbers; `wordCounts` gives the batch's size.
    static func random(
        seed: UInt64, width: Int, patches: Int, wordCounts: [Int], scale: Float = initialScale, spread: Float = 0.6
    ) -> SampleBatch {
        let key = RandomKey(seed: seed, purpose: .test)
        func normal(_ part: UInt64, _ count: Int) -> [Float] { (0..<count).map { Float(key.child(part).normal($0)) } }
        let count = wordCounts.count
        return SampleBatch(
            width: width, patchesPerStudy: patches, wordCounts: wordCounts,
            images: unitRows(normal(0, count * width), width: width),
            texts: unitRows(normal(1, count * width), width: width),
            patches: normal(2, count * patches * width).map { $0 * spread },
            words: normal(3, wordCounts.reduce(0, +) * width).map { $0 * spread },
            scales: ContrastiveScales(
                logitScale: scale, localScale1: scale, localScale2: scale, localScale3: scale))
    }

    private static func unitRows(_ numbers: [Float], width: Int) -> [Float] {
        stride(from: 0, to: numbers.count, by: width).flatMap { start -> [Float] in
            let row = numbers[start..<start + width]
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / norm }
        }
    }
}

/// How far two arrays are apart: the norm of the difference over the norm of the expected one.
func relativeDistance(_ found: [Float], _ expected: [Double]) -> Double {
    precondition(found.count == expected.count, "\(found.count) numbers, expected \(expected.count)")
    var (difference, norm) = (0.0, 0.0)
    for (f, e) in zip(found, expected) {
        difference += (Double(f) - e) * (Double(f) - e)
        norm += e * e
    }
    return difference == 0 ? 0 : (difference / norm).squareRoot()
}
