import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// What a program leaves on the tape.
struct Outcome {
    /// Variables that the scalar under test weighs with random numbers.
    var outputs: [Variable] = []
    /// The losses that enter the sweep by themselves, already multiplied by their scales.
    var loss = 0.0
}

/// Holds the tape's gradient of a scalar against central differences, for every number that trains.
///
/// The scalar is the sum of all outputs times fixed normal numbers, added up in double, plus the tape's own losses.
struct GradientCheck {
    /// Distance of the four points of the difference quotient, for parameters of size 1.
    ///
    /// Its error is step^4 / 30 times the fifth derivative (1e-7 here), and what fp32 rounding moves the scalar by, about
    /// 1e-7 of each output, over the step: some 1e-5 of gradients of size 1.
    static let step: Float = 0.04
    /// Of the difference, relative in norm. Measured: below 2e-5 for every operation.
    static let tolerance = 2e-4
    /// A gradient below this norm would prove nothing.
    static let smallestNorm = 0.05

    let weights: ProgramWeights
    let program: (Tape) -> Outcome

    /// Compares the gradient of every trainable, with order-free and with floating sums.
    func verify(sourceLocation: SourceLocation = #_sourceLocation) {
        let numeric = weights.trainables.map(differences)
        for sum in [GradientSum.orderFree, .floating] {
            let ledger = sweep(sum)
            #expect(ledger.isFinite, sourceLocation: sourceLocation)
            for weight in weights.trainables {
                let expected = numeric[weight.slot]
                let size = norm(expected)
                let error = distance(ledger.numbers(weight.slot), expected)
                #expect(
                    size > GradientCheck.smallestNorm && error < GradientCheck.tolerance * size,
                    "\(weight.name), \(sum): error \(error) of a gradient of norm \(size)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    /// The gradient as the tape computes it, settled.
    func sweep(_ sum: GradientSum) -> GradientLedger {
        let ledger = GradientLedger.make(sum: sum, shapes: weights.shapes, globalBatch: 8, engine: weights.engine)
        let arena = Arena(chunkBytes: 1 << 20)
        for memory in [arena, weights.engine.scratch] { memory.poison() }
        withExtendedLifetime(arena) {
            let tape = Tape(engine: weights.engine, arena: arena, ledger: ledger)
            let outcome = program(tape)
            let seeds = outcome.outputs.enumerated().map { number, output in
                let seed = arena.matrix(output.value.rows, output.value.columns)
                for element in 0..<seed.count { seed.base[element] = GradientCheck.weight(number, element) }
                return (output, seed)
            }
            tape.backward(seeds: seeds)
        }
        ledger.settle()
        return ledger
    }

    /// The scalar at the present weights.
    func scalar() -> Double {
        let arena = Arena(chunkBytes: 1 << 20)
        return withExtendedLifetime(arena) {
            let outcome = program(Tape(engine: weights.engine, arena: arena, ledger: nil))
            return outcome.outputs.enumerated().reduce(outcome.loss) { total, output in
                zip(0..., output.element.value.elements).reduce(total) { sum, place in
                    sum + Double(GradientCheck.weight(output.offset, place.0)) * Double(place.1)
                }
            }
        }
    }

    /// The gradient from four values of the scalar for each number.
    private func differences(_ weight: Trainable) -> [Double] {
        (0..<weight.value.count).map { element in
            let kept = weight.value.base[element]
            func at(_ steps: Float) -> Double {
                set(weight, element, kept + steps * GradientCheck.step)
                return scalar()
            }
            let (near, far) = (at(1) - at(-1), at(2) - at(-2))
            set(weight, element, kept)
            return (8 * near - far) / (12 * Double(GradientCheck.step))
        }
    }

    private func set(_ weight: Trainable, _ element: Int, _ value: Float) {
        weight.value.base[element] = value
        if let packed = weight.packed { weights.engine.repack(packed, from: weight.value) }
    }

    private static func weight(_ output: Int, _ element: Int) -> Float {
        Float(RandomKey(seed: 77, purpose: .test).child(UInt64(output)).normal(element))
    }
}

extension Tape {
    /// `x + scale y`.
    func add(_ x: Variable, _ y: Variable, scale: Float = 1) -> Variable {
        sum(ResidualStream(x, adding: [Branch(y, scale: scale)]))
    }
}

extension Arena {
    /// Fills what will be handed out first with NaN: fresh memory is zero, and would hide a value that nobody wrote.
    func poison() {
        scoped { (buffer(1 << 17) as UnsafeMutableBufferPointer<Float>).update(repeating: .nan) }
    }
}

/// The Euclidean norm.
func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

/// The Euclidean distance; infinite where something is not finite.
func distance(_ values: [Float], _ expected: [Double]) -> Double {
    guard values.count == expected.count, values.allSatisfy(\.isFinite) else { return .infinity }
    return norm(zip(values, expected).map { Double($0) - $1 })
}

/// How far an fp32 kernel may be from its plain version, relative to the largest expected magnitude: a few dozen roundings.
let forwardTolerance: Float = 1e-5

/// Whether two matrices agree to `forwardTolerance`.
func agree(_ got: Matrix, _ expected: Matrix) -> Bool {
    guard got.rows == expected.rows && got.columns == expected.columns else { return false }
    let size = expected.elements.map(abs).max() ?? 0
    return zip(got.elements, expected.elements).allSatisfy { abs($0 - $1) <= forwardTolerance * size }
}

/// Copies, so that a test may drop the ledger: `floats` and `gradient` do not keep it alive.
extension GradientLedger {
    /// The whole fp32 gradient.
    var numbers: [Float] { Array(floats) }

    /// The fp32 gradient of one slot.
    func numbers(_ slot: Int) -> [Float] { gradient(slot).toArray() }

    /// The int64 sums; empty where sums are floating.
    var units: [Int64] { fixedPoint.map(Array.init) ?? [] }
}
