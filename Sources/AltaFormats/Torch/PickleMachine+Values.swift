import AltaCore

extension PickleMachine {
    /// Instructions that push a number, a truth value or None.
    mutating func runScalar(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.integer(Int(reader.number(byteCount: 1))))
        case UInt8(ascii: "M"): try push(.integer(Int(reader.number(byteCount: 2))))
        case UInt8(ascii: "J"):
            try push(.integer(Int(Int32(truncatingIfNeeded: reader.number(byteCount: 4)))))
        case 0x8A: try pushLong(reader.number(byteCount: 1))
        case 0x8B: try pushLong(reader.number(byteCount: 4))
        case UInt8(ascii: "I"): try pushIntegerLine()
        case UInt8(ascii: "L"):
            let line = try reader.line()
            try pushDecimal(line.hasSuffix("L") ? line.dropLast() : line[...])
        case UInt8(ascii: "G"):
            try push(.number(Double(bitPattern: reader.number(byteCount: 8).byteSwapped)))
        case UInt8(ascii: "F"):
            guard let value = Double(try reader.line()) else { throw fault("a number is malformed") }
            try push(.number(value))
        default: return false
        }
        return true
    }

    private mutating func pushLong(_ byteCount: UInt64) throws {
        try push(reader.longInteger(byteCount).map(PickleValue.integer) ?? .opaque)
    }

    /// Protocol 0 writes truth values as the whole numbers 00 and 01.
    private mutating func pushIntegerLine() throws {
        switch try reader.line() {
        case "00": try push(.bool(false))
        case "01": try push(.bool(true))
        case let line: try pushDecimal(line[...])
        }
    }

    private mutating func pushDecimal(_ digits: Substring) throws {
        let unsigned = digits.hasPrefix("-") ? digits.dropFirst() : digits
        guard !unsigned.isEmpty, unsigned.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw fault("a whole number is malformed")
        }
        try push(Int(digits).map(PickleValue.integer) ?? .opaque)
    }

    /// Instructions that push a text or bytes. Python 2 wrote texts as bytes, so short bytes of that kind are texts.
    mutating func runText(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "X"), UInt8(ascii: "T"): try push(.text(reader.text(reader.number(byteCount: 4))))
        case 0x8C, UInt8(ascii: "U"): try push(.text(reader.text(reader.number(byteCount: 1))))
        case 0x8D: try push(.text(reader.text(reader.number(byteCount: 8))))
        case UInt8(ascii: "V"): try push(.text(reader.unescaped(reader.line())))
        case UInt8(ascii: "S"): try push(.text(reader.quotedLine()))
        case UInt8(ascii: "B"): try pushBytes(reader.number(byteCount: 4))
        case UInt8(ascii: "C"): try pushBytes(reader.number(byteCount: 1))
        case 0x8E, 0x96: try pushBytes(reader.number(byteCount: 8))
        default: return false
        }
        return true
    }

    private mutating func pushBytes(_ byteCount: UInt64) throws {
        _ = try reader.take(byteCount)
        try push(.opaque)
    }

    /// Instructions that make or fill a tuple, list, dictionary or set.
    mutating func runContainer(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: ")"): try push(.tuple)
        case UInt8(ascii: "]"): try push(.list)
        case UInt8(ascii: "}"): try push(.dictionary)
        case 0x8F: try push(.set)
        case UInt8(ascii: "t"): try push(.tuple, popToMark())
        case UInt8(ascii: "l"): try push(.list, popToMark())
        case UInt8(ascii: "d"): try push(.dictionary, pairs(popToMark()))
        case 0x91: try push(.set, popToMark())
        case 0x85, 0x86, 0x87:
            let items = try (0..<Int(code) - 0x84).map { _ in try pop() }
            try push(.tuple, items.reversed())
        case UInt8(ascii: "a"): try fill([.list], [pop()])
        case UInt8(ascii: "e"): try fill([.list], popToMark())
        case 0x90: try fill([.set], popToMark())
        case UInt8(ascii: "s"):
            let value = try pop()
            try fill([.dictionary], [pop(), value])
        case UInt8(ascii: "u"): try fill([.dictionary], pairs(popToMark()))
        default: return false
        }
        return true
    }

    private func pairs(_ items: [PickleValue]) throws -> [PickleValue] {
        guard items.count.isMultiple(of: 2) else { throw fault("a key lacks its value") }
        return items
    }

    /// Appends to the container on top of the stack. An object of some class keeps nothing: it is not understood.
    private mutating func fill(_ kinds: [PickleNode.Kind], _ items: [PickleValue]) throws {
        guard case .node(let place) = try top(), kinds.contains(heap.nodes[place].kind) || isObject(place) else {
            throw fault("values are added to something that holds none")
        }
        if !isObject(place) { heap.nodes[place].items.append(contentsOf: items) }
    }

    private func isObject(_ place: Int) -> Bool { heap.nodes[place].kind == .object }
}
