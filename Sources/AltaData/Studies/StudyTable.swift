import AltaCore
import AltaFormats
import Foundation

/// One study of a table: its radiographs and its report.
public struct StudyRecord: Equatable, Sendable {
    /// The files of the four views in the order of `View`, nil where absent; the first is always there.
    public let paths: [String?]
    /// The report as the table has it.
    public let report: String
    /// The row of the file, for messages: the header is row 1.
    public let row: Int

    /// Stores a study.
    public init(paths: [String?], report: String, row: Int) {
        precondition(paths.count == View.count, "\(paths.count) paths for \(View.count) views")
        self.paths = paths
        self.report = report
        self.row = row
    }
}

/// The studies of a CSV file as published: `image_path`, `auxview_image_path`, `last_image_path`,
/// `last_auxview_image_path` and `report`, in any order and among others; `-1` is an absent view.
///
/// The rows are checked when the table is loaded and decoded when they are asked for; the radiographs are not touched
/// (`checkFilesExist`).
public struct StudyTable: Sendable {
    /// The columns of the four views, in the order of `View`.
    public static let viewColumns = ["image_path", "auxview_image_path", "last_image_path", "last_auxview_image_path"]
    /// The report's column.
    public static let reportColumn = "report"

    /// The CSV file.
    public let path: String
    /// The folder that relative image paths start from.
    public let imageRoot: String

    private let table: CSVTable
    private let viewIndices: [Int]
    private let reportIndex: Int

    /// Reads and checks a table.
    ///
    /// Errors, with the row: the file cannot be read or is malformed, columns are missing (all of them are named) or stand
    /// twice, it has no rows, a study has no current frontal radiograph, a view's cell is empty, a report is empty.
    /// - Parameter imageRoot: the folder that relative image paths start from; nil: the CSV's own.
    public static func load(csvPath: String, imageRoot: String? = nil) throws -> StudyTable {
        let table = try CSVTable(path: csvPath)
        try requireColumns(of: table)
        let studies = try StudyTable(
            table: table,
            imageRoot: imageRoot ?? URL(filePath: csvPath).deletingLastPathComponent().path,
            viewIndices: viewColumns.map { try table.column(named: $0) },
            reportIndex: table.column(named: reportColumn))
        guard studies.count > 0 else {
            throw AltaError("no studies", why: "the table has a header only", remedy: "add rows", file: csvPath)
        }
        for row in 0..<studies.count { try studies.check(row) }
        return studies
    }

    private init(table: CSVTable, imageRoot: String, viewIndices: [Int], reportIndex: Int) {
        path = table.path
        self.table = table
        self.imageRoot = imageRoot
        self.viewIndices = viewIndices
        self.reportIndex = reportIndex
    }

    private static func requireColumns(of table: CSVTable) throws {
        let missing = (viewColumns + [reportColumn]).filter { !table.header.contains($0) }
        guard !missing.isEmpty else { return }
        let found = table.header.prefix(20).joined(separator: ", ") + (table.header.count > 20 ? ", ..." : "")
        throw AltaError(
            "missing columns: \(missing.joined(separator: ", "))", why: "the header has \(found)",
            remedy: "rename or add the columns; an absent view is -1", file: table.path, row: 1)
    }

    /// How many studies there are.
    public var count: Int { table.rowCount }

    /// A study, by its row from 0.
    public func study(_ index: StudyIndex) -> StudyRecord {
        StudyRecord(
            paths: View.allCases.map { absolutePath(index.row, $0) }, report: table.field(index.row, reportIndex),
            row: table.rowNumber(index.row))
    }

    private func absolutePath(_ row: Int, _ view: View) -> String? {
        let name = cell(row, view)
        if Self.isAbsent(name) { return nil }
        return name.hasPrefix("/") ? name : "\(imageRoot)/\(name)"
    }

    private func cell(_ row: Int, _ view: View) -> String {
        table.field(row, viewIndices[view.rawValue]).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// `-1`, and what a round trip through a column of floating-point numbers makes of it.
    private static func isAbsent(_ cell: String) -> Bool { cell == "-1" || cell == "-1.0" }

    private func check(_ row: Int) throws {
        for view in View.allCases {
            let cell = cell(row, view)
            let column = Self.viewColumns[view.rawValue]
            guard !cell.isEmpty else {
                throw fault(row, "\(column) is empty", nil, "give the radiograph's path, or -1 for an absent view")
            }
            guard view != .currentFrontal || !Self.isAbsent(cell) else {
                throw fault(
                    row, "the study has no current frontal radiograph", "\(column) is \(cell)",
                    "give its path or remove the row")
            }
        }
        guard table.field(row, reportIndex).unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw fault(row, "the report is empty", nil, "give the report's text or remove the row")
        }
    }

    private func fault(_ row: Int, _ what: String, _ why: String?, _ remedy: String) -> AltaError {
        AltaError(what, why: why, remedy: remedy, file: path, row: table.rowNumber(row))
    }

    /// Checks that every radiograph named exists; says how many studies are checked, after each.
    ///
    /// Errors: the first file that does not exist or is a folder, with its row.
    public func checkFilesExist(progress: (_ checked: Int, _ total: Int) -> Void = { _, _ in }) throws {
        for row in 0..<count {
            for view in View.allCases {
                guard let file = absolutePath(row, view) else { continue }
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), !isFolder.boolValue else {
                    throw fault(
                        row, "no file \(file)", "\(Self.viewColumns[view.rawValue]) names it",
                        "correct the path, or set data.image_root to the folder that relative paths start from")
                }
            }
            progress(row + 1, count)
        }
    }
}
