import AltaCore
import AltaFormats
import AltaModel
import AltaTensor

/// A copy of what a checkpoint holds, as it was at the end of a step: training goes on while it is written.
///
/// The memory is taken and touched once, at the start, so that a copy takes as long as memory needs and cannot fail.
final class CheckpointSnapshot: @unchecked Sendable {  // one thread has it at a time: CheckpointSaver hands it over
    private struct Place {
        let spec: WeightSpec
        let value: Matrix
        let first: Matrix
        let second: Matrix
    }

    private let places: [Place]
    private let region: Region
    /// Steps completed.
    private(set) var step = 0
    /// Updates made by the optimizer.
    private(set) var updates = 0

    /// Numbers that are copied at once by one thread.
    private static let pieceCount = 1 << 18

    private init(places: [Place], region: Region) {
        self.places = places
        self.region = region
    }

    /// Memory for weights of these shapes, with their two moments.
    static func make(_ specs: [WeightSpec]) -> CheckpointSnapshot {
        let offsets = Segments(lengths: specs.flatMap { [$0.count, $0.count, $0.count] }).offsets
        let count = 3 * specs.reduce(0) { $0 + $1.count }
        let region = Region(byteCount: count * MemoryLayout<Float>.stride)
        let floats = region.buffer(of: Float.self)
        floats.update(repeating: 0)
        func matrix(_ spec: WeightSpec, _ offset: Int) -> Matrix? {
            floats.baseAddress.map { Matrix(base: $0 + offset, rows: spec.rows, columns: spec.columns) }
        }
        let places = specs.enumerated().compactMap { slot, spec -> Place? in
            guard let value = matrix(spec, offsets[3 * slot]), let first = matrix(spec, offsets[3 * slot + 1]),
                let second = matrix(spec, offsets[3 * slot + 2])
            else { return nil }
            return Place(spec: spec, value: value, first: first, second: second)
        }
        return CheckpointSnapshot(places: places, region: region)
    }

    /// Copies what trains and the optimizer's moments, on the engine's threads.
    func take(step: Int, weights: ModelWeights, optimizer: Optimizer, engine: Engine) {
        var pieces: [(from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>, count: Int)] = []
        for (slot, place) in places.enumerated() {
            let moments = optimizer.moments(slot)
            let pairs = [
                (weights.trainables[slot].value, place.value), (moments.first, place.first),
                (moments.second, place.second),
            ]
            for (from, to) in pairs {
                for start in stride(from: 0, to: to.count, by: Self.pieceCount) {
                    let count = min(Self.pieceCount, to.count - start)
                    pieces.append((UnsafePointer(from.base + start), to.base + start, count))
                }
            }
        }
        engine.share(pieces.count) { index, _, _ in
            pieces[index].to.update(from: pieces[index].from, count: pieces[index].count)
        }
        self.step = step
        updates = optimizer.updates
    }

    /// What trained, under the published names.
    var values: [TensorSource] { places.flatMap { sources($0.spec, $0.value) } }

    /// The optimizer's moments.
    var moments: [TensorSource] {
        places.flatMap {
            sources($0.spec, $0.first, prefix: "first_moment/") + sources($0.spec, $0.second, prefix: "second_moment/")
        }
    }

    /// The published tensors of a weight, to be written from the copy.
    private func sources(_ spec: WeightSpec, _ matrix: Matrix, prefix: String = "") -> [TensorSource] {
        ModelWeights.parts(of: spec).map { part, offset in
            TensorSource(name: prefix + part.name, dtype: .float32, shape: part.shape) { [self] sink in
                try withExtendedLifetime(self) {
                    let values = UnsafeBufferPointer(start: matrix.base + offset, count: part.count)
                    try sink.write(UnsafeRawBufferPointer(values))
                }
            }
        }
    }
}
