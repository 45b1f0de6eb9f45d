import AltaCore
import AltaObjectiveSupport
import AltaTensor

/// What the command line asks for: `--seed 1 --batches 16 --size small --format fp32 --threads 1`.
struct LossCheckOptions {
    /// The sizes that batches are drawn in.
    enum Size: String {
        case small, full
    }

    /// What is done to each batch or result on purpose, to see that it is found.
    enum Fault: String {
        /// The last bit of one number of a gradient is another.
        case bit
        /// A gradient is 0.1 % too large.
        case gradient
        /// A number of a patch is not finite.
        case number
    }

    /// The first seed.
    var seed: UInt64 = 1
    /// How many seeds, each one batch.
    var batchCount = 16
    var size = Size.small
    /// The engine's.
    var format = NumberFormat.full
    var threadCount = 1
    var fault: Fault?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw AltaError("\(name) needs a value") }
            switch name {
            case "--seed": seed = UInt64(try Self.positive(value))
            case "--batches": batchCount = try Self.positive(value)
            case "--size":
                guard let size = Size(rawValue: value) else { throw AltaError("\(value) is neither small nor full") }
                self.size = size
            case "--threads": threadCount = try Self.positive(value)
            case "--format":
                guard let precision = Precision(rawValue: value) else { throw AltaError("\(value) is no precision") }
                format = precision == .bf16 ? .half : .full
            case "--fault":
                fault = Fault(rawValue: value)
                guard fault != nil else { throw AltaError("\(value) is no fault") }
            default: throw AltaError("unknown option \(name)")
            }
        }
    }

    /// The options that repeat one seed.
    func repeating(_ seed: UInt64) -> String {
        "--seed \(seed) --batches 1 --size \(size.rawValue) --format \(format == .half ? "bf16" : "fp32") "
            + "--threads \(threadCount)"
    }

    private static func positive(_ text: String) throws -> Int {
        guard let value = Int(text), value > 0 else { throw AltaError("\(text) is no positive number") }
        return value
    }
}

extension LossCheckOptions.Fault {
    /// Spoils a result, where that is what the fault does.
    func happen(to run: inout ShardedRun) {
        switch self {
        case .bit: run.patches[0] = Float(bitPattern: run.patches[0].bitPattern ^ 1)
        case .gradient: run.words = run.words.map { $0 * 1.001 }
        case .number: break
        }
    }
}
