/// A collective that a rank is in, or was in.
public struct RankOperation: Sendable, Equatable {
    /// The how many-th operation of the rank, from 1.
    public var number: Int
    /// What it is.
    public var kind: CollectiveKind
    /// How many elements the rank gave.
    public var count: Int
    /// The elements' type, as `int64`; empty: it moves none.
    public var elementType: String
    /// How elements are combined, as `sum`; empty: they are not.
    public var reduction: String
    /// The rank in the group that the elements come from; nil: no single one.
    public var root: Int?
    /// What all counts of all ranks come to, as a hash; 0: the operation has one count.
    public var countsHash: UInt64
    /// The group of ranks: 0 for the whole job, else a hash of its members and its origin, the same on each of them.
    public var group: UInt64
    /// The how many-th operation of the group, from 1: the same on every rank of it at the same place.
    public var sequence: Int
    /// When the rank entered it, in seconds since 1970 by its own clock.
    public var began: Double
    /// When the rank left it; nil: it did not.
    public var ended: Double?
    /// The step it was in, from 1; nil: before the first.
    public var step: Int?
    /// What the rank was doing, as `communication`.
    public var phase: String

    /// Stores the facts of an operation.
    public init(
        number: Int, kind: CollectiveKind, count: Int = 0, elementType: String = "", reduction: String = "",
        root: Int? = nil, countsHash: UInt64 = 0, group: UInt64 = 0, sequence: Int, began: Double,
        ended: Double? = nil, step: Int? = nil, phase: String = ""
    ) {
        self.number = number
        self.kind = kind
        self.count = count
        self.elementType = elementType
        self.reduction = reduction
        self.root = root
        self.countsHash = countsHash
        self.group = group
        self.sequence = sequence
        self.began = began
        self.ended = ended
        self.step = step
        self.phase = phase
    }

    /// What is called, as `all-reduce (sum) of 18 int64`; ranks that are in the same collective say the same.
    public var call: String {
        var text = kind.name
        if !reduction.isEmpty { text += " (\(reduction))" }
        if !elementType.isEmpty { text += " of \(count) \(elementType)" }
        if let root { text += " from rank \(root)" }
        return text
    }

    /// The call and its place, as `all-reduce (sum) of 18 int64, number 812 of all ranks`.
    public var description: String {
        "\(call), number \(sequence) of " + (group == 0 ? "all ranks" : "group \(StableHash.hex(group))")
    }

    /// One line of a rank's dump.
    public var json: JSONObject {
        var object = JSONObject()
        object["number"] = .integer(number)
        object["operation"] = .string(kind.name)
        object["count"] = .integer(count)
        object["type"] = .string(elementType)
        object["reduction"] = .string(reduction)
        object["root"] = root.map(JSONValue.integer) ?? .null
        object["group"] = .string(group == 0 ? "all" : StableHash.hex(group))
        object["sequence"] = .integer(sequence)
        object["began_seconds_since_1970"] = .number(began)
        object["seconds"] = ended.map { .number($0 - began) } ?? .null
        object["step"] = step.map(JSONValue.integer) ?? .null
        object["phase"] = .string(phase)
        return object
    }
}

extension RankOperation {
    /// Reads an operation's words; nil: there is none, or it is of a kind that this build does not know.
    init?(words: ArraySlice<UInt64>) {
        typealias Word = RankStatusLayout.Operation
        func word(_ index: Int) -> UInt64 { words[words.startIndex + index] }
        func number(_ index: Int) -> Int { Int(truncatingIfNeeded: Int64(bitPattern: word(index))) }
        guard word(Word.number) > 0, let kind = CollectiveKind(rawValue: word(Word.kind)) else { return nil }
        let ended = Double(bitPattern: word(Word.ended))
        let phase = words[(words.startIndex + Word.phase)...].prefix(Word.phaseWordCount)
        self.init(
            number: number(Word.number), kind: kind, count: number(Word.count),
            elementType: RankStatusLayout.text([word(Word.type)]),
            reduction: RankStatusLayout.text([word(Word.reduction)]),
            root: number(Word.root) < 0 ? nil : number(Word.root), countsHash: word(Word.counts),
            group: word(Word.group), sequence: number(Word.sequence),
            began: RankStatus.finite(Double(bitPattern: word(Word.began))),
            ended: ended > 0 && ended.isFinite ? ended : nil, step: number(Word.step) > 0 ? number(Word.step) : nil,
            phase: RankStatusLayout.text(phase))
    }
}
