import AltaTensor

/// The patches of one study as the tiles of the local loss take them, and their gradient.
///
/// Rows are filled up with zeros to whole vectors (`Engine.paddedColumns`): they add nothing to a product, and the
/// softmax over the patches leaves them out.
struct StudyPatches {
    /// P.
    let count: Int
    /// `[padded P, d]`.
    let matrix: Matrix
    /// The same for products with it, in the engine's format; nil in the first pass, which has none.
    let packed: PackedMatrix?
    /// `[padded P, d]`: where the second pass adds up the gradient; nil in the first.
    let sums: Matrix?

    /// Copies `patches` `[P, d]` for the first pass.
    static func forSimilarities(_ patches: Matrix, arena: Arena) -> StudyPatches {
        StudyPatches(count: patches.rows, matrix: padded(patches, arena), packed: nil, sums: nil)
    }

    /// Copies and packs `patches` `[P, d]` for the second pass, whose gradient goes on from `gradient` `[P, d]`; nil: 0.
    static func forGradients(_ patches: Matrix, _ gradient: Matrix?, engine: Engine, arena: Arena) -> StudyPatches {
        let matrix = padded(patches, arena)
        let storage: UnsafeMutableBufferPointer<UInt8> = arena.buffer(
            engine.packedByteCount(outputs: matrix.rows, inputs: matrix.columns))
        guard let start = storage.baseAddress else { preconditionFailure("no room for patches \(patches.shape)") }
        let packed = engine.packedMatrix(
            outputs: matrix.rows, inputs: matrix.columns, storage: UnsafeMutableRawPointer(start), owner: nil)
        engine.repack(packed, from: matrix)
        let sums = arena.matrix(matrix.rows, matrix.columns)
        sums.fill(0)
        if let gradient { sums.rows(0..<gradient.rows).copy(from: gradient) }
        return StudyPatches(count: patches.rows, matrix: matrix, packed: packed, sums: sums)
    }

    /// `[rows, d]`: the first rows of the gradient. Second pass only.
    func gradient(rows: Int) -> Matrix {
        guard let sums else { preconditionFailure("the first pass has no gradient") }
        return sums.rows(0..<rows)
    }

    private static func padded(_ patches: Matrix, _ arena: Arena) -> Matrix {
        let matrix = arena.matrix(Engine.paddedColumns(patches.rows), patches.columns)
        matrix.rows(0..<patches.rows).copy(from: patches)
        matrix.rows(patches.rows..<matrix.rows).fill(0)
        return matrix
    }
}
