/// A set of cores, ascending, read and written as Linux does: `0-3,8`.
///
/// A core is a logical processor as Linux numbers them; two of them may share one physical core.
public struct CoreList: Sendable, Hashable, CustomStringConvertible {
    /// The numbers of the cores, ascending, each once.
    public let cores: [Int]

    /// Linux knows fewer cores than this; a list that names more is no list of cores.
    static let coreLimit = 1 << 20

    /// The cores given, in order and without repetition.
    public init(_ cores: some Sequence<Int>) {
        self.cores = Set(cores).sorted()
    }

    /// Reads a list such as `0-3,8`; an empty text is the empty list.
    ///
    /// - Throws: `AltaError` where the text is no such list.
    public init(text: some StringProtocol) throws {
        var cores: Set<Int> = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard bounds.count <= 2, let first = bounds.first ?? nil, let last = bounds.last ?? nil, first >= 0,
                first <= last, last < Self.coreLimit
            else {
                throw AltaError("'\(part)' names no cores", why: "a list of cores reads like 0-3,8")
            }
            cores.formUnion(first...last)
        }
        self.init(cores)
    }

    /// The list as Linux writes it, such as `0-3,8`.
    public var text: String {
        cores.runs.map(\.runText).joined(separator: ",")
    }

    /// For people: `cores 0-3,8`, `core 2`, `no cores`.
    public var description: String {
        switch cores.count {
        case 0: "no cores"
        case 1: "core \(text)"
        default: "cores \(text)"
        }
    }
}

extension [Int] {
    /// Neighbouring numbers drawn together, of numbers that ascend.
    var runs: [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        for number in self {
            if let run = runs.last, run.upperBound + 1 == number {
                runs[runs.count - 1] = run.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs
    }
}

extension ClosedRange<Int> {
    /// `3`, or `0-3`.
    var runText: String { count == 1 ? "\(lowerBound)" : "\(lowerBound)-\(upperBound)" }
}

extension CoreList: Codable {
    /// Reads the text that `encode(to:)` writes.
    public init(from decoder: any Decoder) throws {
        try self.init(text: try decoder.singleValueContainer().decode(String.self))
    }

    /// Writes one text, as Linux does: `0-3,8`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
