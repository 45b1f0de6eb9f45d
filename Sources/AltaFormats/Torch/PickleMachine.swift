import AltaCore

/// Reads a pickle as plain data: a stack, a memo and a heap of values, for the protocols 0 to 5.
///
/// What Python would import, call or build becomes a node that names it. Only `collections.OrderedDict` is understood
/// here, as the dictionary it is; tensors are understood by `TorchObjects`. The numbers of nodes,
/// memo entries and stacked values are bounded, so memory is too. Values are never walked recursively.
/// Source: Python's `pickletools`.
struct PickleMachine {
    /// The most nodes, memo entries and stack values. A checkpoint of a thousand tensors has some 20 thousand
    /// nodes; this many take 100 MB.
    static let maximumCount = 1_000_000
    /// The most values that are stacked over time, which bounds what all containers together hold.
    private static let maximumPushCount = 10 * maximumCount

    var reader: PickleReader
    var heap = PickleHeap()
    private(set) var stack: [PickleValue] = []
    /// The heights of the stack at the marks that are open.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var pushCount = 0

    private init(reader: PickleReader) { self.reader = reader }

    /// Reads the pickle that begins at `start`; others may follow it.
    ///
    /// Errors: it is malformed, too large, or needs what lies outside it.
    static func read(_ bytes: UnsafeRawBufferPointer, from start: Int = 0, path: String) throws -> PickleHeap {
        var machine = PickleMachine(reader: PickleReader(bytes: bytes, path: path, place: start))
        while true {
            let code = try machine.reader.byte()
            if code == UInt8(ascii: ".") { break }
            let isKnown =
                try machine.runScalar(code) || machine.runText(code) || machine.runContainer(code)
                || machine.runStack(code) || machine.runObject(code)
            guard isKnown else { throw machine.fault("it has the unknown instruction \(code)") }
        }
        machine.heap.root = try machine.pop()
        machine.heap.end = machine.reader.place
        return machine.heap
    }

    func fault(_ why: String) -> AltaError { reader.fault(why) }

    mutating func push(_ value: PickleValue) throws {
        guard stack.count < Self.maximumCount, pushCount < Self.maximumPushCount else {
            throw fault("it stacks more than \(Self.maximumCount) values, or too many over time")
        }
        pushCount += 1
        stack.append(value)
    }

    mutating func push(_ kind: PickleNode.Kind, _ items: [PickleValue] = [], name: String = "") throws {
        guard heap.nodes.count < Self.maximumCount else {
            throw fault("it has more than \(Self.maximumCount) values")
        }
        heap.nodes.append(PickleNode(kind: kind, name: name, items: items))
        try push(.node(heap.nodes.count - 1))
    }

    mutating func pop() throws -> PickleValue {
        guard stack.count > marks.last ?? 0 else { throw fault("an instruction lacks a value") }
        return stack.removeLast()
    }

    /// The uppermost value, which stays.
    func top() throws -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw fault("an instruction lacks a value") }
        return value
    }

    /// Takes all values above the last mark, and the mark.
    mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw fault("an instruction lacks its mark") }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    /// Instructions that move values: marks, the memo, and what has no effect.
    private mutating func runStack(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "("):
            guard marks.count < Self.maximumCount else { throw fault("it has too many marks") }
            marks.append(stack.count)
        case UInt8(ascii: "0"):
            // Python takes a mark away where no value lies above it.
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(top())
        case UInt8(ascii: "p"): try remember(UInt64(truncatingIfNeeded: place(reader.line())))
        case UInt8(ascii: "q"): try remember(reader.number(byteCount: 1))
        case UInt8(ascii: "r"): try remember(reader.number(byteCount: 4))
        case 0x94: try remember(UInt64(memo.count))
        case UInt8(ascii: "g"): try recall(UInt64(truncatingIfNeeded: place(reader.line())))
        case UInt8(ascii: "h"): try recall(reader.number(byteCount: 1))
        case UInt8(ascii: "j"): try recall(reader.number(byteCount: 4))
        case 0x80:
            let version = try reader.byte()
            guard version <= 5 else { throw fault("it has the pickle protocol \(version); known are 0 to 5") }
        case 0x95:
            let byteCount = try reader.number(byteCount: 8)
            guard byteCount <= UInt64(reader.bytes.count - reader.place) else { throw fault("a frame is too long") }
        default: return false
        }
        return true
    }

    private func place(_ line: String) throws -> Int {
        guard let place = Int(line), place >= 0 else { throw fault("a place in the memo is no number") }
        return place
    }

    private mutating func remember(_ place: UInt64) throws {
        guard memo.count < Self.maximumCount else { throw fault("it remembers more than \(Self.maximumCount) values") }
        memo[Int(place)] = try top()
    }

    private mutating func recall(_ place: UInt64) throws {
        guard let value = memo[Int(place)] else { throw fault("it recalls a value that it did not remember") }
        try push(value)
    }
}
