import AltaCore

/// What the command line asks for.
struct FuzzOptions {
    /// The parser; nil: only list them.
    var target: String?
    var seed: UInt64 = 1
    /// The number of the first input.
    var first = 0
    var inputCount = 100_000
    /// Processor seconds that one input may take.
    var secondsPerInput = 2
    /// Where the number of the input at hand is kept.
    var progressPath: String?
    /// Where the first input is written instead of being parsed.
    var dumpPath: String?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--list" { continue }
            guard let value = rest.popFirst() else { throw AltaError("\(name) needs a value") }
            switch name {
            case "--target": target = value
            case "--seed": seed = UInt64(try Self.number(value))
            case "--first": first = try Self.number(value)
            case "--inputs": inputCount = try Self.number(value)
            case "--seconds": secondsPerInput = try Self.number(value)
            case "--progress": progressPath = value
            case "--dump": dumpPath = value
            default: throw AltaError("unknown option \(name)")
            }
        }
    }

    private static func number(_ text: String) throws -> Int {
        guard let number = Int(text), number >= 0 else { throw AltaError("\(text) is no number of at least 0") }
        return number
    }
}
