import AltaCore
import AltaTensor

/// The fastest that this machine multiplies matrices, measured in the process that the figure is held against.
struct ProductPeak {
    /// The widths of products with packed weights that a step of the model has most of.
    let shapes: [(outputs: Int, inputs: Int)]
    /// The rows of a product: those of a study's radiographs.
    let rows: Int

    /// The layers of the vision encoder of a model.
    static func of(_ config: ModelConfig) -> ProductPeak {
        let (width, wide) = (config.width, 4 * config.width)
        return ProductPeak(
            shapes: [(3 * width, width), (width, width), (wide, width), (width, wide)],
            rows: config.stage.views.count * (1 + config.kept))
    }

    /// Rounds over all shapes, some tenths of a second: a machine that was idle, or lent its time to others, is slow at first.
    private static let rounds = 8

    /// The best rate of any of the shapes over some repetitions, 10^9 floating-point operations a second, with all threads
    /// of the engine.
    func measure(_ engine: Engine) -> Double {
        (0..<ProductPeak.rounds).flatMap { _ in
            shapes.map { rate(outputs: $0.outputs, inputs: $0.inputs, engine) }
        }.max() ?? 0
    }

    private func rate(outputs: Int, inputs: Int, _ engine: Engine) -> Double {
        engine.scratch.scoped {
            let weight = engine.scratch.matrix(outputs, inputs)
            weight.fill(0.5)
            let numbers = engine.scratch.matrix(rows, inputs)
            numbers.fill(0.25)
            let (x, y) = (engine.inFormat(.full(numbers)), engine.scratch.operand(rows, outputs, engine.format))
            let packed = engine.pack(weight, directions: .forward)
            let operations = 2 * Double(rows) * Double(outputs) * Double(inputs)
            let clock = ContinuousClock()
            let best = (0..<40).map { _ in
                PhaseClock.seconds(clock.measure { engine.forward(x, packed, bias: nil, into: y) })
            }.min()
            return operations * 1e-9 / max(best ?? 0, 1e-9)
        }
    }
}
