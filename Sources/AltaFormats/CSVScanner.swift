import AltaCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds the fields of CSV bytes that somebody else keeps alive.
struct CSVScanner {
    let bytes: UnsafeRawBufferPointer
    /// The places of the fields found so far, see `CSVTable.starts`.
    var starts: [Int] = []
    private var position = 0
    /// The record being read, from 1.
    private var recordNumber = 0

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Skips a byte order mark; UTF-16 is refused.
    mutating func checkEncoding() throws {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else {
            throw AltaError("the table is not UTF-8", why: "it begins as UTF-16 does", remedy: "save it as CSV UTF-8")
        }
    }

    /// Reads every record that is left and checks that each has as many fields as the header.
    mutating func remainingRecords(columnCount: Int) throws -> Int {
        while true {
            let first = starts.count
            let count = try nextRecord(atMost: CSVTable.maximumColumnCount)
            if count == 0 { return recordNumber - 1 }
            guard count == columnCount else {
                throw fault(
                    "the row has \(count) \(count == 1 ? "field" : "fields"), the header has \(columnCount)",
                    at: starts[first], remedy: "quote fields that hold commas, and give each row every field")
            }
        }
    }

    /// Appends the fields of the next record to `starts`; the number of fields, 0 at the end.
    mutating func nextRecord(atMost limit: Int) throws -> Int {
        while position < bytes.count, isLineEnd(bytes[position]) { position += 1 }
        guard position < bytes.count else { return 0 }
        recordNumber += 1
        starts.append(position)
        var count = 0
        while true {
            if position < bytes.count, bytes[position] == Self.quote {
                try skipQuoted()
            } else {
                skipUnquoted()
            }
            count += 1
            starts.append(position + 1)
            guard position < bytes.count, bytes[position] == Self.comma else { break }
            guard count < limit else {
                throw fault(
                    "the row has more than \(limit) fields", at: position, remedy: "check that it is a CSV file")
            }
            position += 1
        }
        skipLineEnd()
        return count
    }

    private mutating func skipUnquoted() {
        var place = position
        while place < bytes.count, bytes[place] != Self.comma, !isLineEnd(bytes[place]) { place += 1 }
        position = place
    }

    /// Moves from an opening quote to what follows the closing one: a comma, a line end or the end.
    private mutating func skipQuoted() throws {
        let start = position
        position += 1
        while let closing = nextQuote() {
            position = closing + 1
            guard position < bytes.count else { return }
            switch bytes[position] {
            case Self.quote: position += 1
            case Self.comma, Self.lineFeed, Self.carriageReturn: return
            default:
                throw fault(
                    "a quoted field is followed by more text on line "
                        + "\(Self.lineNumber(of: position, in: bytes)); a quote is missing, or one inside the field "
                        + "is not doubled", at: start, remedy: "correct the quotes")
            }
        }
        throw fault("the quote that begins a field there is not closed", at: start, remedy: "close it or leave it out")
    }

    private func nextQuote() -> Int? {
        guard let start = bytes.baseAddress, position < bytes.count else { return nil }
        guard let found = memchr(start + position, Int32(Self.quote), bytes.count - position) else { return nil }
        return UnsafeRawPointer(found) - start
    }

    private mutating func skipLineEnd() {
        guard position < bytes.count else { return }
        let isPair =
            bytes[position] == Self.carriageReturn && position + 1 < bytes.count
            && bytes[position + 1] == Self.lineFeed
        position += isPair ? 2 : 1
    }

    private func isLineEnd(_ byte: UInt8) -> Bool { byte == Self.lineFeed || byte == Self.carriageReturn }

    private func fault(_ why: String, at place: Int, remedy: String) -> AltaError {
        AltaError(
            "malformed table at line \(Self.lineNumber(of: place, in: bytes))", why: why, remedy: remedy,
            row: recordNumber)
    }

    /// The line of a byte, from 1; LF, CRLF and CR each end one.
    static func lineNumber(of place: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var lines = 1
        for index in 0..<place {
            let isLoneReturn =
                bytes[index] == carriageReturn && (index + 1 == bytes.count || bytes[index + 1] != lineFeed)
            if bytes[index] == lineFeed || isLoneReturn { lines += 1 }
        }
        return lines
    }

    /// A field's text: quotes around it taken away, doubled ones inside made single.
    static func text(_ field: Slice<UnsafeRawBufferPointer>) -> String {
        guard field.first == quote else { return String(decoding: field, as: UTF8.self) }
        var content: [UInt8] = []
        content.reserveCapacity(field.count)
        var isSecond = false
        for byte in field.dropFirst().dropLast() {
            isSecond = byte == quote && !isSecond
            if !isSecond { content.append(byte) }
        }
        return String(decoding: content, as: UTF8.self)
    }
}
