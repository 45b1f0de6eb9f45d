import AltaCore

/// Smooth random texture in 0...1: a lattice of uniform numbers, interpolated.
struct ValueNoise {
    private static let side = 32
    private let lattice: [Float]

    /// The texture of a stream.
    init(_ key: RandomKey) {
        lattice = (0..<ValueNoise.side * ValueNoise.side).map { key.uniform($0) }
    }

    /// The texture at a place, `frequency` cells to a unit; it repeats after 32 cells.
    func sample(_ x: Float, _ y: Float, frequency: Float) -> Float {
        let (gridX, gridY) = ((x + 4) * frequency, (y + 4) * frequency)
        let (column, row) = (Int(gridX), Int(gridY))
        let u = ValueNoise.ease(gridX - Float(column))
        let v = ValueNoise.ease(gridY - Float(row))
        let (left, right) = (column & 31, (column + 1) & 31)
        let (top, bottom) = ((row & 31) * ValueNoise.side, ((row + 1) & 31) * ValueNoise.side)
        let above = lattice[top + left] + (lattice[top + right] - lattice[top + left]) * u
        let below = lattice[bottom + left] + (lattice[bottom + right] - lattice[bottom + left]) * u
        return above + (below - above) * v
    }

    /// Two octaves, 0...1, mean 1/2.
    func cloud(_ x: Float, _ y: Float, frequency: Float) -> Float {
        0.65 * sample(x, y, frequency: frequency) + 0.35 * sample(x, y, frequency: 2.3 * frequency)
    }

    private static func ease(_ t: Float) -> Float { t * t * (3 - 2 * t) }
}
