import AltaCore

/// What a rank calls: everything in which ranks of one collective must agree.
package struct CollectiveCall: Equatable, Sendable {
    package var kind: CollectiveKind
    /// How many elements this rank gives or gets.
    package var count = 0
    package var type: CollectiveElementType?
    package var reduction: ReduceOperation?
    package var root: Int?
    /// A hash of all ranks' counts; 0: there is one.
    package var countsHash: UInt64 = 0

    package init(
        kind: CollectiveKind, count: Int = 0, type: CollectiveElementType? = nil, reduction: ReduceOperation? = nil,
        root: Int? = nil, countsHash: UInt64 = 0
    ) {
        self.kind = kind
        self.count = count
        self.type = type
        self.reduction = reduction
        self.root = root
        self.countsHash = countsHash
    }

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

    /// A number as a word; of a wrong one below zero its bits, for the collective itself to refuse.
    fileprivate static func word(_ number: Int) -> UInt64 { UInt64(bitPattern: Int64(number)) }
}

extension CollectiveCall {
    static func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) -> Self {
        CollectiveCall(kind: .broadcast, count: buffer.count, type: E.elementType, root: root)
    }

    static func reduction<E: CollectiveElement>(
        _ kind: CollectiveKind, _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) -> Self {
        CollectiveCall(kind: kind, count: buffer.count, type: E.elementType, reduction: operation)
    }

    /// A collective that every rank calls with the counts of all (hashed by FNV-1a, a count at a time, without heap memory).
    static func ofCounts<E: CollectiveElement>(
        _ kind: CollectiveKind, _ type: E.Type, _ counts: [Int], total: Int
    ) -> Self {
        CollectiveCall(
            kind: kind, count: total, type: E.elementType,
            countsHash: counts.reduce(14_695_981_039_346_656_037) { ($0 ^ Self.word($1)) &* 1_099_511_628_211 })
    }

    /// The call as numbers that ranks can compare: kind, count, type, combination, root, hash of the counts.
    var words: [UInt64] {
        [
            kind.rawValue, Self.word(count), typeWord, reductionWord, Self.word(root ?? -1), countsHash,
        ]
    }
}

extension RankOperation {
    /// Reads `CollectiveCall.words`.
    init(call words: [UInt64]) {
        let root = Int(truncatingIfNeeded: Int64(bitPattern: words[4]))
        self.init(
            number: 0, kind: CollectiveKind(rawValue: words[0]) ?? .barrier, count: Int(truncatingIfNeeded: words[1]),
            elementType: RankStatusLayout.text([words[2]]), reduction: RankStatusLayout.text([words[3]]),
            root: root < 0 ? nil : root, countsHash: words[5], sequence: 0, began: 0)
    }
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
        store(Word.count, CollectiveCall.word(call.count))
        store(Word.type, call.typeWord)
        store(Word.reduction, call.reductionWord)
        store(Word.root, CollectiveCall.word(call.root ?? -1))
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
