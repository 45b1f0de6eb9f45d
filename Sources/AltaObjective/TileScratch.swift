import AltaTensor

/// The memory of one tile on one thread, reused for every tile and study.
///
/// Legend: N words of the tile, P patches, padded to whole vectors, d width. In bf16 matrices have rows up to a multiple of
/// 32, which the fast kernels of oneDNN ask for; those of what enters products along the words are 0.
struct TileScratch {
    /// `[N, P]`: affinities, then their softmax over words.
    let affinities: Matrix
    /// `[N, P]`: gradients on their way back; in the first pass the exponentials of the softmax over patches.
    let weightGradients: Matrix
    /// `[N, P]` in the engine's format: the exponentials.
    let exponentials: Operand
    /// `[N, P]` in the engine's format: the gradient of the affinities.
    let affinityGradients: Operand
    /// `[N, d]`.
    let contexts: Matrix
    /// `[N, d]` in the engine's format.
    let contextGradients: Operand
    /// `[N, d]`: the gradient of one study with respect to the tile's words.
    let wordGradients: Matrix
    /// `[N]`: one over the sum of a row of exponentials.
    let reciprocals: UnsafeMutablePointer<Float>
    /// `[N]` each: factors of words and contexts in their gradients.
    let cross, ownContext, ownWord: UnsafeMutablePointer<Float>
    /// `[N]` each: cosines, squared norms of contexts, shares of words in their report's similarity.
    let cosines, contextSquares, shares: UnsafeMutablePointer<Double>
    /// `[N, d]`: the tile's word gradients, added up in fixed point over the studies of this thread.
    let wordSums: UnsafeMutablePointer<Int64>
    /// `[reports]`: whether a term of the report was beyond the fixed point's range.
    let isOutside: UnsafeMutablePointer<Bool>

    /// Rows that enter a product along the words, in bf16.
    static func paddedWords(_ words: Int, _ format: NumberFormat) -> Int {
        format == .half ? (words + 31) / 32 * 32 : words
    }

    /// Memory from `arena` for tiles of `words` words; `patches` is padded.
    static func make(words: Int, patches: Int, width: Int, format: NumberFormat, arena: Arena) -> TileScratch {
        let rows = paddedWords(words, format)
        func cleared(_ columns: Int) -> Operand {
            let operand = arena.operand(rows, columns, format)
            operand.rows(words..<rows).clear()
            return operand
        }
        func start<T: BitwiseCopyable>(_ count: Int, _: T.Type) -> UnsafeMutablePointer<T> {
            let buffer: UnsafeMutableBufferPointer<T> = arena.buffer(max(count, 1))
            guard let start = buffer.baseAddress else { preconditionFailure("a buffer of \(count) has no start") }
            return start
        }
        let gradients = arena.matrix(rows, patches)
        return TileScratch(
            affinities: arena.matrix(rows, patches), weightGradients: gradients, exponentials: cleared(patches),
            affinityGradients: format == .full ? .full(gradients) : cleared(patches),
            contexts: arena.matrix(rows, width), contextGradients: cleared(width),
            wordGradients: arena.matrix(rows, width), reciprocals: start(words, Float.self),
            cross: start(words, Float.self), ownContext: start(words, Float.self), ownWord: start(words, Float.self),
            cosines: start(words, Double.self), contextSquares: start(words, Double.self),
            shares: start(words, Double.self), wordSums: start(words * width, Int64.self),
            isOutside: start(LocalContrastive.reportsPerTile, Bool.self))
    }

    /// Makes ready for the next group of studies.
    func clearSums(reports: Int, words: Int) {
        wordSums.update(repeating: 0, count: words * wordGradients.columns)
        isOutside.update(repeating: false, count: reports)
    }
}
