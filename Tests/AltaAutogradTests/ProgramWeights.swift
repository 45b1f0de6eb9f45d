import AltaAutograd
import AltaCore
import AltaTensor

/// The weights of a program under test: normal numbers, the same at every run.
///
/// The tape has no way to ask for the gradient of an input, so that inputs are weights here: see `Input`.
final class ProgramWeights {
    let engine: Engine
    private(set) var trainables: [Trainable] = []
    private var memory: [Region] = []

    init(format: NumberFormat = .full) throws { engine = try Engine(threads: 1, format: format) }

    /// The shapes of the ledger's slots.
    var shapes: [(rows: Int, columns: Int)] { trainables.map { ($0.value.rows, $0.value.columns) } }

    func trainable(_ name: String, _ rows: Int, _ columns: Int, scale: Double = 1, packed: Bool = false) -> Weight {
        let value = normal(rows, columns, scale: scale)
        let weight = Trainable(
            name: name, value: value, packed: packed ? engine.pack(value) : nil, slot: trainables.count)
        trainables.append(weight)
        return .trainable(weight)
    }

    func frozen(_ name: String, _ rows: Int, _ columns: Int, scale: Double = 1, packed: Bool = false) -> Weight {
        let value = normal(rows, columns, scale: scale)
        return .frozen(Frozen(name: name, value: value, packed: packed ? engine.pack(value) : nil))
    }

    func input(_ name: String, _ rows: Int, _ columns: Int, scale: Double = 1) -> Input {
        Input(
            weight: trainable(name, columns, rows, scale: scale, packed: true),
            zeros: frozen("zeros", 1, columns, scale: 0), rows: rows)
    }

    /// Normal numbers that live as long as the weights.
    func normal(_ rows: Int, _ columns: Int, scale: Double = 1) -> Matrix {
        let key = RandomKey(seed: UInt64(memory.count), purpose: .test)
        let region = Region(byteCount: max(rows * columns, 1) * MemoryLayout<Float>.stride)
        memory.append(region)
        let matrix = region.matrix(rows, columns)
        for element in 0..<matrix.count { matrix.base[element] = Float(scale * key.normal(element)) }
        return matrix
    }
}

/// A variable `[rows, columns]` whose gradient can be seen: `x = I Wᵀ` is exact, and dW is the transposed dx.
struct Input {
    let weight: Weight
    let zeros: Weight
    let rows: Int

    /// The values, transposed: `[columns, rows]`.
    var transposed: Matrix { weight.value }

    func variable(on tape: Tape, studies: Segments, storage: Storage = .sums) -> Variable {
        let identity = tape.arena.matrix(rows, rows)
        identity.fill(0)
        for row in 0..<rows { identity[row, row] = 1 }
        return tape.linear(tape.constant(identity, studies: studies), weight, bias: zeros, storage: storage)
    }

    /// The values `[rows, columns]` in memory of `arena`.
    func matrix(_ arena: Arena) -> Matrix {
        let matrix = arena.matrix(rows, transposed.rows)
        for row in 0..<rows {
            for column in 0..<matrix.columns { matrix[row, column] = transposed[column, row] }
        }
        return matrix
    }
}
