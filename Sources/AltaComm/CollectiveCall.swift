import AltaCore

/// What a rank calls: everything in which ranks of one collective must agree.
struct CollectiveCall: Equatable, Sendable {
    var kind: CollectiveKind
    /// How many elements this rank gives or gets.
    var count = 0
    var type: CollectiveElementType?
    var reduction: ReduceOperation?
    var root: Int?
    /// A hash of all ranks' counts; 0: there is one.
    var countsHash: UInt64 = 0

    /// The type's name as a word of a status.
    var typeWord: UInt64 {
        switch type {
        case nil: 0
        case .float: Self.float
        case .double: Self.double
        case .int32: Self.int32
        case .int64: Self.int64
        case .uint8: Self.uint8
        case .uint64: Self.uint64
        }
    }

    /// The name of the combination as a word of a status.
    var reductionWord: UInt64 {
        switch reduction {
        case nil: 0
        case .sum: Self.sum
        case .maximum: Self.maximum
        case .minimum: Self.minimum
        }
    }

    private static let float = word(CollectiveElementType.float.rawValue)
    private static let double = word(CollectiveElementType.double.rawValue)
    private static let int32 = word(CollectiveElementType.int32.rawValue)
    private static let int64 = word(CollectiveElementType.int64.rawValue)
    private static let uint8 = word(CollectiveElementType.uint8.rawValue)
    private static let uint64 = word(CollectiveElementType.uint64.rawValue)
    private static let sum = word(ReduceOperation.sum.rawValue)
    private static let maximum = word(ReduceOperation.maximum.rawValue)
    private static let minimum = word(ReduceOperation.minimum.rawValue)

    private static func word(_ text: String) -> UInt64 { RankStatusLayout.words(text, count: 1)[0] }
}

/// An operation as a board keeps it.
struct BoardOperation {
    let number: UInt64
    let call: CollectiveCall
    let group: UInt64
    let sequence: UInt64
    /// Seconds since 1970.
    let began: Double
    let step: UInt64
    let phase: (UInt64, UInt64)

    /// Hands every word to `store` with its place.
    func store(_ store: (Int, UInt64) -> Void) {
        typealias Word = RankStatusLayout.Operation
        store(Word.number, number)
        store(Word.kind, call.kind.rawValue)
        store(Word.count, UInt64(call.count))
        store(Word.type, call.typeWord)
        store(Word.reduction, call.reductionWord)
        store(Word.root, UInt64(bitPattern: Int64(call.root ?? -1)))
        store(Word.group, group)
        store(Word.sequence, sequence)
        store(Word.began, began.bitPattern)
        store(Word.ended, 0)
        store(Word.step, step)
        store(Word.phase, phase.0)
        store(Word.phase + 1, phase.1)
        store(Word.counts, call.countsHash)
    }
}
