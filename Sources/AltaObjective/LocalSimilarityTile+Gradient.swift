import AltaTensor

/// What one study and one tile contribute to the gradients of the logarithms of t1 and t2.
struct TileScaleGradient {
    /// Of the logarithm of t1.
    var patchScale = 0.0
    /// Of the logarithm of t2.
    var poolingScale = 0.0

    static func += (sum: inout TileScaleGradient, term: TileScaleGradient) {
        sum.patchScale += term.patchScale
        sum.poolingScale += term.poolingScale
    }
}

extension LocalSimilarityTile {
    /// The gradient of sum over reports of `seeds[report] * s[report]`, after `similarities` of the same study.
    ///
    /// Adds to `patchGradient` `[P, d]` and overwrites `scratch.wordGradients` `[N, d]`; spends the rest of `scratch`.
    /// Backwards through the formulas above, g the seed of the word's report and x' the gradient of x:
    ///
    ///     c'[w]  = g t2 softmax over the report's words, t2 c           (log t2)' += c'[w] c[w]
    ///     C'[w]  = c' (word_w / n - c C_w / |C_w|^2)                    n the floored product of norms
    ///     word_w' = c' (C_w / n - c word_w / |word_w|^2)                where floored, the second terms are absent
    ///     o'     = C' patches^T,  patches' += o^T C'
    ///     a'     = t1 o * (o' - row sum of o * o')                      (log t1)' += sum of a' * a
    ///     A'     = a * (a' - column sum, over the report's words, of a * a')
    ///     words' += A' patches,  patches' += A'^T words
    func gradient(
        seeds: UnsafePointer<Double>, patches: Matrix, scratch: TileScratch, engine: Engine, patchGradient: Matrix
    ) -> TileScaleGradient {
        var scales = TileScaleGradient()
        for report in 0..<segments.count {
            for w in segments[report] {
                scales.poolingScale += backThroughCosine(w, seed: seeds[report], scratch)
            }
        }
        let (n, p, d) = (words.rows, patches.rows, words.columns)
        engine.product(
            m: n, n: p, k: d, alpha: 1, a: scratch.contextGradients, lda: d, transposeA: false, b: patches.base, ldb: d,
            transposeB: true, beta: 0, c: scratch.weightGradients, ldc: p)
        engine.product(
            m: p, n: d, k: n, alpha: 1, a: scratch.weights, lda: p, transposeA: true, b: scratch.contextGradients,
            ldb: d, transposeB: false, beta: 1, c: patchGradient.base, ldc: d)
        for w in 0..<n { backThroughPatchSoftmax(w, columns: p, scratch) }
        for report in 0..<segments.count {
            scales.patchScale += backThroughWordSoftmax(segments[report], columns: p, scratch)
        }
        engine.product(
            m: n, n: d, k: p, alpha: 1, a: scratch.weightGradients, lda: p, transposeA: false, b: patches.base, ldb: d,
            transposeB: false, beta: 1, c: scratch.wordGradients, ldc: d)
        engine.product(
            m: p, n: d, k: n, alpha: 1, a: scratch.weightGradients, lda: p, transposeA: true, b: words.base, ldb: d,
            transposeB: false, beta: 1, c: patchGradient.base, ldc: d)
        return scales
    }

    /// Writes C' and the direct part of the word's gradient; returns the word's part of (log t2)'.
    private func backThroughCosine(_ w: Int, seed: Double, _ scratch: TileScratch) -> Double {
        let d = words.columns
        let (cosine, contextNorm, wordNorm) = (scratch.cosines[w], scratch.contextNorms[w], wordNorms[w])
        let cosineGradient = seed * poolingScale * scratch.shares[w]
        let isFloored = wordNorm * contextNorm < Self.smallestNorms
        let cross = Float(cosineGradient / max(wordNorm * contextNorm, Self.smallestNorms))
        let ownContext = isFloored ? 0 : Float(cosineGradient * cosine / (contextNorm * contextNorm))
        let ownWord = isFloored ? 0 : Float(cosineGradient * cosine / (wordNorm * wordNorm))
        let (word, context) = (words.row(w), scratch.contexts + w * d)
        let (contextGradient, wordGradient) = (scratch.contextGradients + w * d, scratch.wordGradients + w * d)
        for i in 0..<d {
            contextGradient[i] = cross * word[i] - ownContext * context[i]
            wordGradient[i] = cross * context[i] - ownWord * word[i]
        }
        return cosineGradient * cosine
    }

    /// o' becomes a' along one row.
    private func backThroughPatchSoftmax(_ w: Int, columns: Int, _ scratch: TileScratch) {
        let (weights, gradients) = (scratch.weights + w * columns, scratch.weightGradients + w * columns)
        let mean = VectorLoops.dot(weights, gradients, count: columns)
        for c in 0..<columns { gradients[c] = patchScale * weights[c] * (gradients[c] - mean) }
    }

    /// a' becomes A' down the columns of one report; returns the sum of a' * a.
    private func backThroughWordSoftmax(_ words: Range<Int>, columns: Int, _ scratch: TileScratch) -> Double {
        let sums = scratch.columnA
        sums.update(repeating: 0, count: columns)
        for w in words {
            let (a, gradients) = (scratch.affinities + w * columns, scratch.weightGradients + w * columns)
            for c in 0..<columns { sums[c] += a[c] * gradients[c] }
        }
        for w in words {
            let (a, gradients) = (scratch.affinities + w * columns, scratch.weightGradients + w * columns)
            for c in 0..<columns { gradients[c] = a[c] * (gradients[c] - sums[c]) }
        }
        return (0..<columns).reduce(0.0) { $0 + Double(sums[$1]) }
    }
}
