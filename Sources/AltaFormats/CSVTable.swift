import AltaCore

/// A CSV file with a header (RFC 4180, and what files really hold): fields in place, decoded when asked for.
///
/// UTF-8, with or without a byte order mark; lines end in LF, CRLF or CR; fields may be quoted, a quote in them
/// doubled, line ends in them kept as they are. Lines without a character are skipped, as pandas does. A quote inside
/// an unquoted field is itself. Invalid UTF-8 decodes to U+FFFD. Memory: 8 bytes a field beside the mapped file.
public struct CSVTable: Sendable {
    /// The most columns a table may have.
    public static let maximumColumnCount = 10_000

    /// Where it came from.
    public var path: String { file.path }
    /// The names of the columns.
    public let header: [String]
    /// How many rows follow the header.
    public let rowCount: Int
    private let file: FileBytes
    /// For each row the place of every field and one past the place where the last one ends: field `c` of row `r` is
    /// `starts[r * (columns + 1) + c] ..< starts[r * (columns + 1) + c + 1] - 1`.
    private let starts: [Int]

    /// Opens a file.
    ///
    /// Errors: it cannot be read, is empty or UTF-16, a quote is not closed, a row has another number of fields than
    /// the header; with the row (the header is row 1) and the line.
    public init(path: String) throws {
        try self.init(FileBytes(mapping: path, what: "the table"))
    }

    /// Reads bytes that are in memory or mapped already.
    public init(_ file: FileBytes) throws {
        var scanner = CSVScanner(bytes: file.bytes)
        do {
            try scanner.checkEncoding()
            guard try scanner.nextRecord(atMost: Self.maximumColumnCount) > 0 else {
                throw AltaError("the table is empty", why: "it has no header", remedy: "give a CSV file with a header")
            }
            header = zip(scanner.starts, scanner.starts.dropFirst()).map { start, next in
                CSVScanner.text(file.bytes[start..<(next - 1)])
            }
            scanner.starts.removeAll()
            rowCount = try scanner.remainingRecords(columnCount: header.count)
        } catch let error as AltaError {
            throw error.at(file: file.path)
        }
        starts = scanner.starts
        self.file = file
    }

    /// A hash of the file's bytes (`StableHash`).
    public var contentHash: UInt64 { withExtendedLifetime(file) { StableHash.value(of: file.bytes) } }

    /// The index of a column. Errors: there is none of this name, or several; the columns are listed.
    public func column(named name: String) throws -> Int {
        let found = header.indices.filter { header[$0] == name }
        guard found.count <= 1 else {
            throw AltaError(
                "the column \(name) stands \(found.count) times in the header", remedy: "rename the others", file: path,
                row: 1)
        }
        guard let column = found.first else {
            let listed = header.prefix(20).joined(separator: ", ") + (header.count > 20 ? ", ..." : "")
            throw AltaError(
                "no column \(name)", why: "the columns are \(listed)",
                remedy: name.nearest(among: header.prefix(200)).map { "rename a column; the nearest name is \($0)" },
                file: path, row: 1)
        }
        return column
    }

    /// A field with its quotes undone.
    /// - Parameters:
    ///   - row: from 0, the first after the header.
    ///   - column: as `column(named:)` gives it.
    public func field(_ row: Int, _ column: Int) -> String { CSVScanner.text(fieldBytes(row, column)) }

    /// The number of a row for messages and `AltaError.row`: from 1, the header included.
    public func rowNumber(_ row: Int) -> Int { row + 2 }

    /// The line of the file on which a row begins, from 1. It is counted when asked for: for messages.
    public func lineNumber(_ row: Int) -> Int {
        CSVScanner.lineNumber(of: fieldBytes(row, 0).startIndex, in: file.bytes)
    }

    private func fieldBytes(_ row: Int, _ column: Int) -> Slice<UnsafeRawBufferPointer> {
        precondition(
            row >= 0 && row < rowCount && column >= 0 && column < header.count,
            "field (\(row), \(column)) of \(rowCount) rows and \(header.count) columns")
        let place = row * (header.count + 1) + column
        return file.bytes[starts[place]..<(starts[place + 1] - 1)]
    }
}
