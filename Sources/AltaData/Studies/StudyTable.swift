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
/// `last_auxview_image_path` and `report`, in any order and among others; `-1` is an absent view. Pretraining needs no more
/// than `image_path` and `report` (or `report_content`, as MRM's table has it) and looks at nothing else.
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
    /// What the studies are for.
    public let recipe: StudyRecipe

    /// How many studies there are.
    public let count: Int

    private let table: CSVTable
    /// The column of each view that the recipe has.
    private let viewIndices: [View: Int]
    private let reportIndex: Int

    /// Reads and checks a table.
    ///
    /// Errors, with the row: the file cannot be read or is malformed, columns are missing (all of them are named) or stand
    /// twice, it has no rows, a study has no current frontal radiograph, a view's cell is empty, a report is empty.
    /// - Parameters:
    ///   - imageRoot: the folder that relative image paths start from; nil: the CSV's own.
    ///   - recipe: what the studies are for, which decides what columns there must be.
    public static func load(
        csvPath: String, imageRoot: String? = nil, recipe: StudyRecipe = .align
    ) throws -> StudyTable {
        let table = try CSVTable(path: csvPath)
        let reportColumn = try findColumns(of: table, recipe)
        let viewIndices = try recipe.views.map { ($0, try table.column(named: viewColumns[$0.rawValue])) }
        let studies = try StudyTable(
            table: table, count: table.rowCount,
            imageRoot: imageRoot ?? URL(filePath: csvPath).deletingLastPathComponent().path, recipe: recipe,
            viewIndices: Dictionary(uniqueKeysWithValues: viewIndices),
            reportIndex: table.column(named: reportColumn))
        guard studies.count > 0 else {
            throw AltaError("no studies", why: "the table has a header only", remedy: "add rows", file: csvPath)
        }
        for row in 0..<studies.count { try studies.check(row) }
        return studies
    }

    private init(
        table: CSVTable, count: Int, imageRoot: String, recipe: StudyRecipe, viewIndices: [View: Int],
        reportIndex: Int
    ) {
        path = table.path
        self.count = count
        self.table = table
        self.imageRoot = imageRoot
        self.recipe = recipe
        self.viewIndices = viewIndices
        self.reportIndex = reportIndex
    }

    /// The name of the report's column, once every column that is needed was found.
    private static func findColumns(of table: CSVTable, _ recipe: StudyRecipe) throws -> String {
        var missing = recipe.views.map { viewColumns[$0.rawValue] }.filter { !table.header.contains($0) }
        let present = recipe.reportColumns.filter(table.header.contains)
        if present.isEmpty { missing.append(recipe.reportColumns.joined(separator: " or ")) }
        guard present.count < 2 else {
            throw AltaError(
                "two columns of reports: \(present.joined(separator: ", "))", why: "which is meant cannot be told",
                remedy: "remove or rename one", file: table.path, row: 1)
        }
        if missing.isEmpty { return present[0] }
        let found = table.header.prefix(20).joined(separator: ", ") + (table.header.count > 20 ? ", ..." : "")
        throw AltaError(
            "missing columns: \(missing.joined(separator: ", "))", why: "the header has \(found)",
            remedy: "rename or add the columns; an absent view is -1", file: table.path, row: 1)
    }

    /// A table of this one's first studies, at most `count` of them.
    public func first(_ count: Int) -> StudyTable {
        precondition(count > 0, "the first \(count) studies")
        return StudyTable(
            table: table, count: min(count, self.count), imageRoot: imageRoot, recipe: recipe, viewIndices: viewIndices,
            reportIndex: reportIndex)
    }

    /// A hash of the file's bytes (`StableHash`), and of the number of studies where that is not all of them.
    public var contentHash: UInt64 {
        guard count < table.rowCount else { return table.contentHash }
        var hash = StableHash()
        hash.combine(table.contentHash)
        hash.combine(UInt64(count))
        return hash.value
    }

    /// A hash of the path of the folder that relative image paths start from, wherever it was called from.
    var imageRootHash: UInt64 {
        var hash = StableHash()
        hash.combine(URL(filePath: imageRoot).absoluteURL.resolvingSymlinksInPath().standardizedFileURL.path)
        return hash.value
    }

    /// A study, by its row from 0.
    public func study(_ index: StudyIndex) -> StudyRecord {
        StudyRecord(
            paths: View.allCases.map { absolutePath(index.row, $0) }, report: table.field(index.row, reportIndex),
            row: table.rowNumber(index.row))
    }

    private func absolutePath(_ row: Int, _ view: View) -> String? {
        guard let name = cell(row, view), !Self.isAbsent(name) else { return nil }
        return name.hasPrefix("/") ? name : "\(imageRoot)/\(name)"
    }

    /// What stands for a view, or nil where the recipe does not have it.
    private func cell(_ row: Int, _ view: View) -> String? {
        viewIndices[view].map { table.field(row, $0).trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    /// `-1`, and what a round trip through a column of floating-point numbers makes of it.
    private static func isAbsent(_ cell: String) -> Bool { cell == "-1" || cell == "-1.0" }

    private func check(_ row: Int) throws {
        for view in recipe.views {
            guard let cell = cell(row, view) else { continue }
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
    /// - Parameter rows: the rows to check, from 0; nil: all.
    public func checkFilesExist(
        rows: Range<Int>? = nil, progress: (_ checked: Int, _ total: Int) -> Void = { _, _ in }
    ) throws {
        for row in rows ?? 0..<count {
            for view in recipe.views {
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
