import AltaCore

/// A parser that gets damaged inputs. It must answer each with an `AltaError` or with a result that can be read through.
public struct ParserTarget: Sendable {
    /// The parser's name on the command line.
    public let name: String
    /// Good inputs, which are damaged.
    public let originals: [[UInt8]]
    private let mutate: @Sendable ([UInt8], [UInt8], RandomKey) -> [UInt8]
    private let read: @Sendable ([UInt8]) throws -> Void

    /// Describes a parser.
    /// - Parameters:
    ///   - mutate: makes a damaged input of a good one, another good one and a key. Give one of your own where changing
    ///     any bytes gets nowhere, as behind a checksum.
    ///   - read: parses bytes, reads all of the result and traps where it contradicts itself.
    public init(
        _ name: String, originals: [[UInt8]],
        mutate: @escaping @Sendable ([UInt8], [UInt8], RandomKey) -> [UInt8] = ByteMutator.mutated,
        read: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        precondition(!originals.isEmpty, "the parser \(name) has no inputs")
        self.name = name
        self.originals = originals
        self.mutate = mutate
        self.read = read
    }

    /// The damaged input of a number, the same for the same seed.
    public func input(_ number: Int, seed: UInt64) -> [UInt8] {
        let key = RandomKey(seed: seed, purpose: .test).child(UInt64(number))
        let original = originals[key.integer(0, below: originals.count)]
        let other = originals[key.integer(1, below: originals.count)]
        return mutate(original, other, key.child(1))
    }

    /// Whether the parser takes the input; false where it refuses it. Errors other than `AltaError` are thrown on.
    public func accepts(_ input: [UInt8]) throws -> Bool {
        do {
            try read(input)
            return true
        } catch let error as AltaError {
            precondition(!error.description.isEmpty && error.description.utf8.count < 4000, "\(name): \(error)")
            return false
        }
    }
}
