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
    /// Second pass: the gradient of sum over reports of `seeds[report] * s[report]`.
    ///
    /// Adds to `study.sums` `[P, d]` and overwrites `scratch.wordGradients` `[N, d]`. Backwards through the formulas
    /// above, g the seed of the word's report and x' the gradient of x:
    ///
    ///     c'[w]  = g t2 softmax over the report's words, t2 c           (log t2)' += c'[w] c[w]
    ///     C'[w]  = c' (word_w / n - c C_w / |C_w|^2)                    n the floored product of norms
    ///     word_w' = c' (C_w / n - c word_w / |word_w|^2)                where floored, the second terms are absent
    ///     o'     = C' patches^T,  patches' += o^T C'
    ///     a'     = t1 o * (o' - row sum of o * o')                      (log t1)' += sum of a' * a
    ///     A'     = a * (a' - column sum, over the report's words, of a * a')
    ///     words' += A' patches,  patches' += A'^T words
    ///
    /// The softmax o is never formed: C' takes its factor r, since o^T C' = e^T (r C') and r o' = (r C') patches^T. Only
    /// the affinities are in fp32 here whatever the engine's format; a context of bf16 factors turns a cosine by 1e-4.
    func gradient(
        seeds: UnsafePointer<Double>, _ study: StudyPatches, scratch: TileScratch, engine: Engine
    ) -> TileScaleGradient {
        guard let packed = study.packed, let patchGradient = study.sums, let formattedWords else {
            preconditionFailure("a study or a tile that was made for the first pass")
        }
        let rows = 0..<words.rows
        softmaxes(study, exponentials: scratch.exponentials.rows(rows), scratch, engine)
        engine.backward(scratch.exponentials, packed, into: .full(scratch.contexts), accumulate: false)
        measureCosines(scratch, engine)
        var scales = TileScaleGradient()
        for report in 0..<segments.count {
            _ = pool(segments[report], scratch)
            scales.poolingScale += backThroughCosines(segments[report], seed: seeds[report], scratch)
        }
        let contexts = scratch.contexts.rows(rows)
        engine.combineRows(
            words, scratch.cross, contexts, scratch.ownContext, into: scratch.contextGradients.rows(rows))
        engine.combineRows(
            contexts, scratch.cross, words, scratch.ownWord, into: .full(scratch.wordGradients.rows(rows)))
        engine.forward(scratch.contextGradients, packed, bias: nil, into: .full(scratch.weightGradients))
        engine.weightGradient(scratch.exponentials, scratch.contextGradients, into: patchGradient, accumulate: true)
        scales.patchScale = engine.backThroughSoftmaxes(
            scratch.affinities.rows(rows), segments: segments, scale: patchScale,
            exponentials: scratch.exponentials.rows(rows), reciprocals: scratch.reciprocals,
            gradient: scratch.weightGradients.rows(rows), into: scratch.affinityGradients.rows(rows))
        engine.backward(scratch.affinityGradients, packed, into: .full(scratch.wordGradients), accumulate: true)
        engine.weightGradient(scratch.affinityGradients, formattedWords, into: patchGradient, accumulate: true)
        return scales
    }

    /// Writes the factors of words and contexts in r C' (`cross`, `ownContext`) and in the direct part of word' (`cross`,
    /// `ownWord`), for contexts that lack the factor r; returns the report's part of (log t2)'.
    private func backThroughCosines(_ words: Range<Int>, seed: Double, _ scratch: TileScratch) -> Double {
        var scaleGradient = 0.0
        for w in words {
            let (cosine, r, contextSquare) = (
                scratch.cosines[w], Double(scratch.reciprocals[w]), scratch.contextSquares[w]
            )
            let cosineGradient = seed * poolingScale * scratch.shares[w]
            let norms = wordNorms[w] * r * contextSquare.squareRoot()
            let isFloored = norms < Self.smallestNorms
            scratch.cross[w] = Float(r * cosineGradient / max(norms, Self.smallestNorms))
            scratch.ownContext[w] = isFloored ? 0 : Float(-cosineGradient * cosine / contextSquare)
            scratch.ownWord[w] = isFloored ? 0 : Float(-cosineGradient * cosine / (wordNorms[w] * wordNorms[w]))
            scaleGradient += cosineGradient * cosine
        }
        return scaleGradient
    }
}
