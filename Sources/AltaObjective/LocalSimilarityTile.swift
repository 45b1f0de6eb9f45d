import AltaCore
import AltaTensor

/// The local similarity of one study with a tile of reports (`local_similarity` of the reference, arXiv:2506.08990).
///
/// Nothing here knows a rank: every number depends on the study's patches and the tile's words alone.
/// Legend: P patches, N words of all reports of the tile, d width; t1, t2 scales (not logarithms).
///
///     A[w, p]   = word_w . patch_p                            affinity
///     a[., p]   = softmax over the words of a report, A[., p]
///     o[w, .]   = softmax over the patches, t1 a[w, .]
///     C[w, :]   = sum_p o[w, p] patch_p                       context
///     c[w]      = word_w . C[w] / max(|word_w| |C[w]|, 1e-8)  cosine
///     s[report] = log sum over its words, exp(t2 c[w])
///
/// Numbers of N x P are stored words first, so that the softmax over patches runs along rows and the one over words runs
/// down columns, both over contiguous memory.
struct LocalSimilarityTile {
    /// The denominator's floor, as published.
    static let smallestNorms = 1e-8

    /// `[N, d]`: the words of the tile's reports, report after report.
    let words: Matrix
    /// The words of each report of the tile.
    let segments: Segments
    /// `[N]`: the norms of the words.
    let wordNorms: [Double]
    /// The scale of affinities before the softmax over patches.
    let patchScale: Float
    /// The scale of cosines before they are pooled.
    let poolingScale: Double

    /// A tile; computes the norms of its words.
    init(words: Matrix, segments: Segments, scales: ContrastiveScales) {
        precondition(words.rows == segments.rows, "words \(words.shape), segments of \(segments.rows) rows")
        self.words = words
        self.segments = segments
        wordNorms = (0..<words.rows).map {
            VectorLoops.preciseDot(words.row($0), words.row($0), count: words.columns).squareRoot()
        }
        patchScale = Float(Double.exponential(Double(scales.localScale1)))
        poolingScale = Double.exponential(Double(scales.localScale2))
    }

    /// The similarity of the study with each report, and in `scratch` what `gradient` needs.
    ///
    /// `patches`: `[P, d]`. Writes `segments.count` numbers to `similarities`.
    func similarities(
        patches: Matrix, scratch: TileScratch, engine: Engine, into similarities: UnsafeMutablePointer<Double>
    ) {
        let (n, p, d) = (words.rows, patches.rows, words.columns)
        engine.product(
            m: n, n: p, k: d, alpha: 1, a: words.base, lda: d, transposeA: false, b: patches.base, ldb: d,
            transposeB: true, beta: 0, c: scratch.affinities, ldc: p)
        for report in 0..<segments.count {
            VectorLoops.softmaxDownColumns(
                scratch.affinities + segments[report].lowerBound * p, rows: segments[report].count, columns: p,
                maxima: scratch.columnA, sums: scratch.columnB)
        }
        for w in 0..<n {
            VectorLoops.softmax(
                scratch.affinities + w * p, scale: patchScale, into: scratch.weights + w * p, count: p)
        }
        engine.product(
            m: n, n: d, k: p, alpha: 1, a: scratch.weights, lda: p, transposeA: false, b: patches.base, ldb: d,
            transposeB: false, beta: 0, c: scratch.contexts, ldc: d)
        measureCosines(scratch)
        for report in 0..<segments.count { similarities[report] = pool(segments[report], scratch) }
    }

    private func measureCosines(_ scratch: TileScratch) {
        let d = words.columns
        for w in 0..<words.rows {
            let context = scratch.contexts + w * d
            let norm = VectorLoops.preciseDot(context, context, count: d).squareRoot()
            let dot = VectorLoops.preciseDot(words.row(w), context, count: d)
            scratch.contextNorms[w] = norm
            scratch.cosines[w] = dot / max(wordNorms[w] * norm, Self.smallestNorms)
        }
    }

    /// The logarithm of the sum of exp(t2 c) over the words of one report; leaves the words' shares of it in `scratch`.
    private func pool(_ words: Range<Int>, _ scratch: TileScratch) -> Double {
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

/// The memory of one tile, reused for every tile and study.
struct TileScratch {
    /// `[N, P]`: affinities, then their softmax over words.
    let affinities: UnsafeMutablePointer<Float>
    /// `[N, P]`: softmax over patches, then a gradient.
    let weights: UnsafeMutablePointer<Float>
    /// `[N, P]`: gradients on their way back.
    let weightGradients: UnsafeMutablePointer<Float>
    /// `[N, d]`.
    let contexts: UnsafeMutablePointer<Float>
    /// `[N, d]`.
    let contextGradients: UnsafeMutablePointer<Float>
    /// `[N, d]`: the gradient of one study with respect to the tile's words.
    let wordGradients: UnsafeMutablePointer<Float>
    /// `[P]` each.
    let columnA, columnB: UnsafeMutablePointer<Float>
    /// `[N]` each: cosines, the norms of contexts, the shares of words in their report's similarity.
    let cosines, contextNorms, shares: UnsafeMutablePointer<Double>

    /// Memory from `arena` for tiles of at most `words` words.
    init(words: Int, patches: Int, width: Int, arena: Arena) {
        affinities = arena.matrix(words, patches).base
        weights = arena.matrix(words, patches).base
        weightGradients = arena.matrix(words, patches).base
        contexts = arena.matrix(words, width).base
        contextGradients = arena.matrix(words, width).base
        wordGradients = arena.matrix(words, width).base
        columnA = arena.matrix(1, patches).base
        columnB = arena.matrix(1, patches).base
        cosines = Self.doubles(words, arena)
        contextNorms = Self.doubles(words, arena)
        shares = Self.doubles(words, arena)
    }

    private static func doubles(_ count: Int, _ arena: Arena) -> UnsafeMutablePointer<Double> {
        let buffer: UnsafeMutableBufferPointer<Double> = arena.buffer(max(count, 1))
        guard let start = buffer.baseAddress else { preconditionFailure("a buffer of \(count) doubles has no start") }
        return start
    }
}
