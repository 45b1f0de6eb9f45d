import AltaObjective

/// A global batch of embeddings as plain arrays, in global order, to be dealt to ranks.
typealias SampleBatch = EmbeddingBatch

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
