import AltaCore
import Foundation

/// Where a run's studies come from: a table whose radiographs are decoded each time, or a pack in which what is the same in
/// every epoch is done. Both give the same studies, bit for bit.
public enum StudySource: Sendable {
    /// A CSV file and the radiographs that it names.
    case table(StudyTable)
    /// A file of `alta-data pack`.
    case packed(PackedStudies)

    /// Opens a CSV or a pack; which it is, is told by the file's first bytes.
    ///
    /// Errors: those of `StudyTable.load` and `PackedStudies`; a pack for a stage that cannot use one.
    /// - Parameters:
    ///   - imageRoot: the folder that a table's relative image paths start from; nil: the CSV's own.
    ///   - recipe: what the studies are for.
    public static func open(_ path: String, imageRoot: String? = nil, recipe: StudyRecipe) throws -> StudySource {
        guard try PackedStudies.isPack(path) else {
            return .table(try StudyTable.load(csvPath: path, imageRoot: imageRoot, recipe: recipe))
        }
        guard recipe == .align else {
            throw AltaError(
                "pretraining cannot use a pack",
                why:
                    "every epoch cuts another box out of the whole radiograph, of which a pack keeps the scaled centre",
                remedy: "give the CSV that the pack was made of", file: path)
        }
        return .packed(try PackedStudies(path: path))
    }

    /// The file.
    public var path: String {
        switch self {
        case .table(let table): table.path
        case .packed(let studies): studies.path
        }
    }

    /// How many studies there are.
    public var count: Int {
        switch self {
        case .table(let table): table.count
        case .packed(let studies): studies.count
        }
    }

    /// What the studies are for.
    public var recipe: StudyRecipe {
        switch self {
        case .table(let table): table.recipe
        case .packed: .align
        }
    }

    /// A hash of the table's content, the same from the table and from a pack of it.
    public var contentHash: String {
        switch self {
        case .table(let table): StableHash.hex(table.contentHash)
        case .packed(let studies): StableHash.hex(studies.recipe.dataHash)
        }
    }

    /// The table's row of a study, for messages: the header is row 1.
    public func rowNumber(_ study: StudyIndex) -> Int {
        switch self {
        case .table(let table): table.study(study).row
        case .packed(let studies): studies.rowNumber(study)
        }
    }

    /// Refuses a pack that was made for another model, vocabulary or use; a table can be used for all.
    ///
    /// - Parameters:
    ///   - vocabularyHash: of the vocabulary's bytes, 16 hexadecimal digits.
    ///   - trains: whether the studies are trained on; false: evaluated.
    public func check(
        imageSize: Int, dicomScaling: DicomScaling, vocabularyHash: String, trains: Bool
    ) throws {
        guard case .packed(let studies) = self else { return }
        guard let hash = UInt64(vocabularyHash, radix: 16) else {
            preconditionFailure("the hash of a vocabulary is \(vocabularyHash), expected 16 hexadecimal digits")
        }
        try studies.recipe.check(
            imageSize: imageSize, dicomScaling: dicomScaling, vocabularyHash: hash, trains: trains, file: studies.path)
    }

    /// Checks that every radiograph which a table names exists; a pack needs none.
    ///
    /// Errors: the first file that does not exist or is a folder, with its row.
    /// - Parameters:
    ///   - rows: the rows to check, from 0; nil: all.
    ///   - progress: called after each row.
    public func checkFilesExist(rows: Range<Int>? = nil, progress: () -> Void = {}) throws {
        guard case .table(let table) = self else { return }
        try table.checkFilesExist(rows: rows) { _, _ in progress() }
    }

    /// An estimate of each study's cost in token units, by row, for dealing studies to ranks: `[N]`.
    public func costs(maxTokens: Int) -> [Int] {
        switch self {
        case .table(let table): table.costs(maxTokens: maxTokens)
        case .packed(let studies):
            studies.estimatedTokenCounts().map { recipe.radiographCost + min($0, maxTokens) }
        }
    }

    /// Has packed studies read before they are asked for, all at once; the radiographs of a table are read when they are decoded.
    public func readAhead(_ studies: [StudyIndex]) {
        guard case .packed(let packed) = self else { return }
        packed.readAhead(studies)
    }

    /// A study at hand. Errors: a packed study is damaged.
    func material(_ study: StudyIndex, dicomScaling: DicomScaling) throws -> StudyMaterial {
        switch self {
        case .table(let table): .row(StudyRow(record: table.study(study), table: table, dicomScaling: dicomScaling))
        case .packed(let studies): .packed(try studies.study(study), path: studies.path, row: studies.rowNumber(study))
        }
    }

    /// A study's report as the table has it. Errors: a packed study is damaged.
    public func report(_ study: StudyIndex) throws -> String {
        switch self {
        case .table(let table): table.study(study).report
        case .packed(let studies): try studies.study(study).report
        }
    }
}
