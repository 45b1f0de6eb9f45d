extension JSONValue {
    /// How a value is laid out as text.
    public enum Layout: Sendable {
        /// One line without a line end, as `log.jsonl` wants.
        case compact
        /// A member or element a line, indented by two spaces, with a final line end; arrays of scalars on one line.
        case pretty
    }

    /// The value as JSON text, ASCII control characters escaped, every other character as it is.
    ///
    /// Numbers read back equal: `number` is written with as many digits as it needs, and with a fraction or an
    /// exponent, so that it does not come back as `integer`. Errors: a number that is not finite, with its path.
    /// - Parameter sortedKeys: keys in ascending order instead of the order of insertion.
    public func text(_ layout: Layout = .compact, sortedKeys: Bool = false) throws -> String {
        var writer = JSONWriter(isPretty: layout == .pretty, sortsKeys: sortedKeys)
        try writer.write(self, indent: 0)
        return layout == .pretty ? writer.output + "\n" : writer.output
    }
}

/// Appends values to a text.
private struct JSONWriter {
    let isPretty: Bool
    let sortsKeys: Bool
    var output = ""
    var path: [String] = []

    init(isPretty: Bool, sortsKeys: Bool) {
        self.isPretty = isPretty
        self.sortsKeys = sortsKeys
    }

    mutating func write(_ value: JSONValue, indent: Int) throws {
        switch value {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .number(let value): try write(value)
        case .string(let value): write(value)
        case .array(let elements): try write(elements, indent: indent)
        case .object(let object): try write(object, indent: indent)
        }
    }

    private mutating func write(_ number: Double) throws {
        guard number.isFinite else {
            throw AltaError(
                "the number \(path.isEmpty ? "" : path.joined(separator: ".") + " ")is \(number)",
                why: "JSON has finite numbers only",
                remedy: "look for what made it so: a loss or gradient that overflowed")
        }
        output += "\(number)"
    }

    private mutating func write(_ elements: [JSONValue], indent: Int) throws {
        let breaks = isPretty && elements.contains { $0.isNested }
        output += "["
        for (place, element) in elements.enumerated() {
            if place > 0 { output += breaks || !isPretty ? "," : ", " }
            if breaks { newLine(indent + 1) }
            path.append(String(place))
            try write(element, indent: indent + 1)
            path.removeLast()
        }
        if breaks { newLine(indent) }
        output += "]"
    }

    private mutating func write(_ object: JSONObject, indent: Int) throws {
        let members = sortsKeys ? object.members.sorted { $0.key < $1.key } : object.members
        let breaks = isPretty && !members.isEmpty
        output += "{"
        for (place, member) in members.enumerated() {
            if place > 0 { output += "," }
            if breaks { newLine(indent + 1) }
            write(member.key)
            output += isPretty ? ": " : ":"
            path.append(member.key)
            try write(member.value, indent: indent + 1)
            path.removeLast()
        }
        if breaks { newLine(indent) }
        output += "}"
    }

    private mutating func write(_ text: String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{0}"..<" ", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }

    private mutating func newLine(_ indent: Int) {
        output += "\n" + String(repeating: "  ", count: indent)
    }
}

extension JSONValue {
    fileprivate var isNested: Bool {
        switch self {
        case .array(let elements): !elements.isEmpty
        case .object(let object): object.count > 0
        default: false
        }
    }
}
