import AltaCore

/// The bytes of a pickle, taken from the front, never past the end.
struct PickleReader {
    /// The most bytes that all texts of one pickle may take together. Names of weights need a few hundred kilobytes.
    static let maximumTextByteCount = 64 << 20

    let bytes: UnsafeRawBufferPointer
    let path: String
    var place: Int
    private var textByteCount = 0

    init(bytes: UnsafeRawBufferPointer, path: String, place: Int) {
        self.bytes = bytes
        self.path = path
        self.place = place
    }

    func fault(_ why: String) -> AltaError {
        AltaError(
            "malformed PyTorch file", why: "\(why) (byte \(place) of its pickle)",
            remedy: "it may be truncated or of another format; fetch or write it again", file: path)
    }

    mutating func byte() throws -> UInt8 { try UInt8(number(byteCount: 1)) }

    /// The next bytes as a number, the lowest first; at most eight.
    mutating func number(byteCount: Int) throws -> UInt64 {
        let range = try take(UInt64(byteCount))
        return range.reversed().reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }

    /// Steps over bytes and tells where they are.
    mutating func take(_ byteCount: UInt64) throws -> Range<Int> {
        guard byteCount <= UInt64(bytes.count - place) else {
            throw fault("it ends where \(byteCount) more bytes should be")
        }
        defer { place += Int(byteCount) }
        return place..<place + Int(byteCount)
    }

    /// A text in UTF-8 (Python's lone surrogates are replaced).
    mutating func text(_ byteCount: UInt64) throws -> String {
        let range = try take(byteCount)
        textByteCount += range.count
        guard textByteCount <= Self.maximumTextByteCount else {
            throw fault("its texts take more than \(Self.maximumTextByteCount) bytes")
        }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// The text up to the next line feed, which is stepped over.
    mutating func line() throws -> String {
        guard let end = bytes[place...].firstIndex(of: 10) else { throw fault("a line does not end") }
        let line = try text(UInt64(end - place))
        place += 1
        return line
    }

    /// A whole number of any length in two's complement; nil where it needs more than 64 bits.
    mutating func longInteger(_ byteCount: UInt64) throws -> Int? {
        let range = try take(byteCount)
        guard let last = range.last else { return 0 }
        guard range.count <= 8 else { return nil }
        let extended: UInt64 = bytes[last] >= 128 && range.count < 8 ? UInt64.max << UInt64(8 * range.count) : 0
        let low = range.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
        return Int(bitPattern: UInt(low | extended))
    }

    /// A line with a text in Python's notation: quotes taken off, escapes of ASCII, Latin-1 and Unicode resolved.
    mutating func quotedLine() throws -> String {
        let line = try line()
        guard let quote = line.first, quote == "'" || quote == "\"", line.count >= 2, line.last == quote else {
            throw fault("a text lacks its quotes")
        }
        return try unescaped(String(line.dropFirst().dropLast()))
    }

    /// Resolves `\n`, `\x41`, `\u0041`, `\U00000041`, `\\` and escaped quotes.
    func unescaped(_ text: String) throws -> String {
        guard text.contains("\\") else { return text }
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                result.append(scalar)
                continue
            }
            guard let kind = rest.popFirst() else { throw fault("a text ends within an escape") }
            switch kind {
            case "n": result.append("\n")
            case "r": result.append("\r")
            case "t": result.append("\t")
            case "x", "u", "U":
                let digits = kind == "x" ? 2 : kind == "u" ? 4 : 8
                let code = UInt32(String(rest.prefix(digits)), radix: 16).flatMap(Unicode.Scalar.init)
                guard rest.count >= digits, let code else { throw fault("a text has a wrong escape") }
                result.append(code)
                rest = rest.dropFirst(digits)
            default: result.append(kind)
            }
        }
        return String(result)
    }
}
