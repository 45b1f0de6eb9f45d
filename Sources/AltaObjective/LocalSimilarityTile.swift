import AltaCore
import AltaTensor

/// The local similarity of one study with a tile of reports (`local_similarity` of the reference, arXiv:2506.08990).
///
/// Nothing here knows a rank: every number depends on the study's patches and the tile's words alone.
/// Legend: P patches (padded to whole vectors), N words of all reports of the tile, d width; t1, t2 scales (not logarithms).
///
///     A[w, p]   = word_w . patch_p                            affinity
///     a[., p]   = softmax over the words of a report, A[., p]
///     o[w, .]   = softmax over the patches, t1 a[w, .]        kept as exponentials e, and r = 1 / their sum
///     C[w, :]   = sum_p o[w, p] patch_p                       context, kept as C / r
///     c[w]      = word_w . C[w] / max(|word_w| |C[w]|, 1e-8)  cosine
///     s[report] = log sum over its words, exp(t2 c[w])
///
/// Numbers of N x P are stored words first, so that the softmax over patches runs along rows and the one over words runs
/// down columns, both over contiguous memory. The affinities, and the contexts that decide a similarity, are computed in
/// fp32 whatever the engine's format: rounded to bf16 they shift a logit by 0.12 at the initial scales, and by 28 at their
/// clamp.
struct LocalSimilarityTile {
    /// The denominator's floor, as published.
    static let smallestNorms = 1e-8

    /// `[N, d]`: the words of the tile's reports, report after report.
    let words: Matrix
    /// `[N, d]` in the engine's format, with the rows of `TileScratch`; nil in the first pass.
    let formattedWords: Operand?
    /// The words of each report of the tile.
    let segments: Segments
    /// `[N]`: the norms of the words.
    let wordNorms: [Double]
    /// The scale of affinities before the softmax over patches.
    let patchScale: Float
    /// The scale of cosines before they are pooled.
    let poolingScale: Double

    /// A tile; computes the norms of its words.
    ///
    /// - Parameter arena: for the second pass: keeps the words in the engine's format.
    static func make(
        words: Matrix, segments: Segments, scales: ContrastiveScales, engine: Engine, arena: Arena?
    ) -> LocalSimilarityTile {
        precondition(words.rows == segments.rows, "words \(words.shape), segments of \(segments.rows) rows")
        var squares = Array(repeating: 0.0, count: words.rows)
        var products = squares
        engine.rowProducts(words, words, products: &products, squares: &squares)
        return LocalSimilarityTile(
            words: words, formattedWords: arena.map { formatted(words, engine: engine, arena: $0) }, segments: segments,
            wordNorms: squares.map { $0.squareRoot() },
            patchScale: Float(Double.exponential(Double(scales.localScale1))),
            poolingScale: Double.exponential(Double(scales.localScale2)))
    }

    private static func formatted(_ words: Matrix, engine: Engine, arena: Arena) -> Operand {
        guard engine.format != .full else { return .full(words) }
        let all = arena.operand(TileScratch.paddedWords(words.rows, engine.format), words.columns, engine.format)
        engine.add(.full(words), into: all.rows(0..<words.rows), accumulate: false)
        all.rows(words.rows..<all.rows).clear()
        return all
    }

    /// First pass: the similarity of the study with each report. Writes `segments.count` numbers to `similarities`.
    func similarities(
        _ study: StudyPatches, scratch: TileScratch, engine: Engine, into similarities: UnsafeMutablePointer<Double>
    ) {
        let exponentials = scratch.weightGradients.rows(0..<words.rows)
        softmaxes(study, exponentials: .full(exponentials), scratch, engine)
        let (n, p, d) = (words.rows, study.matrix.rows, words.columns)
        engine.product(
            m: n, n: d, k: p, alpha: 1, a: exponentials.base, lda: p, transposeA: false, b: study.matrix.base, ldb: d,
            transposeB: false, beta: 0, c: scratch.contexts.base, ldc: d)
        measureCosines(scratch, engine)
        for report in 0..<segments.count { similarities[report] = pool(segments[report], scratch) }
    }

    /// Affinities and both softmaxes: leaves a in `scratch.affinities`, e in `exponentials`, r in `scratch.reciprocals`.
    func softmaxes(_ study: StudyPatches, exponentials: Operand, _ scratch: TileScratch, _ engine: Engine) {
        let (n, p, d) = (words.rows, study.matrix.rows, words.columns)
        engine.product(
            m: n, n: p, k: d, alpha: 1, a: words.base, lda: d, transposeA: false, b: study.matrix.base, ldb: d,
            transposeB: true, beta: 0, c: scratch.affinities.base, ldc: p)
        let affinities = scratch.affinities.rows(0..<n)
        engine.softmaxOverWords(affinities, segments: segments)
        engine.softmaxOverPatches(
            affinities, patches: study.count, scale: patchScale, exponentials: exponentials,
            reciprocals: scratch.reciprocals)
    }

    /// The cosines of the words with their contexts.
    func measureCosines(_ scratch: TileScratch, _ engine: Engine) {
        engine.rowProducts(
            words, scratch.contexts.rows(0..<words.rows), products: scratch.cosines, squares: scratch.contextSquares)
        for w in 0..<words.rows {
            let r = Double(scratch.reciprocals[w])
            let norms = wordNorms[w] * r * scratch.contextSquares[w].squareRoot()
            scratch.cosines[w] *= r / max(norms, Self.smallestNorms)
        }
    }

    /// The logarithm of the sum of exp(t2 c) over the words of one report; leaves the words' shares of it in `scratch`.
    func pool(_ words: Range<Int>, _ scratch: TileScratch) -> Double {
        var top = -Double.infinity
        for w in words { top = max(top, poolingScale * scratch.cosines[w]) }
        var sum = 0.0
        for w in words {
            scratch.shares[w] = Double.exponential(poolingScale * scratch.cosines[w] - top)
            sum += scratch.shares[w]
        }
        for w in words { scratch.shares[w] /= sum }
        return top + Double.naturalLogarithm(sum)
    }
}
