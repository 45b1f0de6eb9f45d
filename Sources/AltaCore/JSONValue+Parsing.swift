extension JSONValue {
    /// How deeply arrays and objects may be nested.
    public static let maximumDepth = 64

    /// Parses UTF-8 text (RFC 8259, strictly: no comments, no trailing commas; a byte order mark at the start is
    /// skipped).
    ///
    /// What it allocates is bounded by a small multiple of the input. A number without fraction and exponent is
    /// exact where it fits 64 bits. Errors: anything malformed, a repeated key, nesting beyond `maximumDepth`, a
    /// number beyond the range of Double, invalid UTF-8; each with line and column.
    /// - Parameter file: the file it came from, for the messages.
    public init(parsing bytes: UnsafeRawBufferPointer, file: String? = nil) throws {
        var parser = JSONParser(bytes: bytes, file: file)
        self = try parser.document()
    }

    /// Parses a text; see `init(parsing:file:)`.
    public init(parsing text: String, file: String? = nil) throws {
        var text = text
        self = try text.withUTF8 { try JSONValue(parsing: UnsafeRawBufferPointer($0), file: file) }
    }
}

/// A recursive-descent parser over bytes that somebody else keeps alive.
private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let file: String?
    var position = 0

    init(bytes: UnsafeRawBufferPointer, file: String?) {
        self.bytes = bytes
        self.file = file
    }

    mutating func document() throws -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        let value = try value(depth: 0)
        skipBlanks()
        guard position == bytes.count else { throw fault("there is more after the end of the value") }
        return value
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        skipBlanks()
        guard depth <= JSONValue.maximumDepth else {
            throw fault("arrays and objects are nested more than \(JSONValue.maximumDepth) deep")
        }
        guard let first = peek else { throw fault("a value was expected, not the end") }
        switch first {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("a value was expected, not \(found)")
        }
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        var object = JSONObject()
        position += 1
        skipBlanks()
        if take("}") { return .object(object) }
        while true {
            skipBlanks()
            let start = position
            guard peek == UInt8(ascii: "\"") else { throw fault("a key in double quotes was expected, not \(found)") }
            let key = try string()
            guard object[key] == nil else { throw fault("the key \"\(key)\" is repeated", at: start) }
            skipBlanks()
            guard take(":") else { throw fault("':' was expected after the key \"\(key)\", not \(found)") }
            object[key] = try value(depth: depth + 1)
            skipBlanks()
            if take("}") { return .object(object) }
            guard take(",") else { throw fault("',' or '}' was expected, not \(found)") }
        }
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        var elements: [JSONValue] = []
        position += 1
        skipBlanks()
        if take("]") { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipBlanks()
            if take("]") { return .array(elements) }
            guard take(",") else { throw fault("',' or ']' was expected, not \(found)") }
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws -> JSONValue {
        guard bytes[position...].starts(with: text.utf8) else { throw fault("a value was expected, not \(found)") }
        position += text.utf8.count
        return value
    }

    private mutating func number() throws -> JSONValue {
        let start = position
        var isWhole = true
        _ = take("-")
        guard take("0") || digits() else { throw fault("a digit was expected, not \(found)") }
        if take(".") {
            isWhole = false
            guard digits() else { throw fault("a digit was expected after the decimal point, not \(found)") }
        }
        if take("e") || take("E") {
            isWhole = false
            _ = take("+") || take("-")
            guard digits() else { throw fault("a digit was expected in the exponent, not \(found)") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let whole = Int(text) { return .integer(whole) }
        guard let value = Double(text), value.isFinite else {
            throw fault("the number \(text.prefix(40)) is out of range", at: start)
        }
        return .number(value)
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        return position > start
    }

    private mutating func string() throws -> String {
        let start = position
        position += 1
        let content = position
        while let byte = peek, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        if peek == UInt8(ascii: "\"") {
            position += 1
            return try text(bytes[content..<(position - 1)], start: start)
        }
        var unescaped = Array(bytes[content..<position])
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try text(unescaped, start: start)
            case UInt8(ascii: "\\"): unescaped.append(contentsOf: try escape())
            case ..<0x20: throw fault("a control character stands in a string; write it as an escape")
            default:
                unescaped.append(byte)
                position += 1
            }
        }
        throw fault("the string is not closed", at: start)
    }

    private func text(_ content: some Collection<UInt8>, start: Int) throws -> String {
        guard let text = String(validating: content, as: UTF8.self) else {
            throw fault("the string is not valid UTF-8", at: start)
        }
        return text
    }

    private mutating func escape() throws -> String.UTF8View {
        position += 1
        guard let byte = peek else { throw fault("the string is not closed") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return String(UnicodeScalar(byte)).utf8
        case UInt8(ascii: "b"): return "\u{8}".utf8
        case UInt8(ascii: "f"): return "\u{C}".utf8
        case UInt8(ascii: "n"): return "\n".utf8
        case UInt8(ascii: "r"): return "\r".utf8
        case UInt8(ascii: "t"): return "\t".utf8
        case UInt8(ascii: "u"): return String(Character(try scalar())).utf8
        default: throw fault("an unknown escape", at: position - 2)
        }
    }

    private mutating func scalar() throws -> UnicodeScalar {
        let start = position - 2
        var code = try codeUnit()
        if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
            let low = try codeUnit()
            guard (0xDC00..<0xE000).contains(low) else { throw fault("half a surrogate pair", at: start) }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = UnicodeScalar(code) else { throw fault("half a surrogate pair", at: start) }
        return scalar
    }

    private mutating func codeUnit() throws -> UInt32 {
        let digits = bytes[position..<min(position + 4, bytes.count)]
        let isHexadecimal = digits.count == 4 && digits.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
        guard isHexadecimal, let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) else {
            throw fault("four hexadecimal digits were expected after \\u")
        }
        position += 4
        return code
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private var found: String {
        guard let byte = peek else { return "the end" }
        guard (0x21..<0x7F).contains(byte) else { return "byte \(byte)" }
        return "'\(Character(UnicodeScalar(byte)))'"
    }

    /// An error with the line and column (in characters, from 1) of a byte.
    private func fault(_ why: String, at place: Int? = nil) -> AltaError {
        let before = bytes[..<(place ?? position)]
        let line = before.count(where: { $0 == 0x0A }) + 1
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = before[lineStart...].count(where: { $0 & 0xC0 != 0x80 }) + 1
        return AltaError(
            "malformed JSON at line \(line), column \(column)", why: why, remedy: "correct it there", file: file)
    }
}
