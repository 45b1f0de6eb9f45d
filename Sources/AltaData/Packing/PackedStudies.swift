import AltaCore
import AltaFormats

/// A file that `alta-data pack` made, mapped: of every study what is the same in every epoch.
///
/// Opening checks the header, the index and that every payload lies within the file; a study's bytes are checked by their
/// checksum each time it is read, which costs less than a hundredth of its augmentation. Ranks of a machine share the
/// pages. Layout: `PackHeader`, `PackEntry`.
public struct PackedStudies: Sendable {
    /// Where it came from.
    public var path: String { file.path }
    /// What the content depends on.
    public var recipe: PackRecipe { header.recipe }
    /// How many studies there are.
    public var count: Int { header.studyCount }

    private let file: FileBytes
    private let header: PackHeader

    /// Opens a file.
    ///
    /// Errors: it cannot be read, is no pack, is of another version, truncated or damaged.
    public init(path: String) throws { try self.init(FileBytes(mapping: path, what: "the pack")) }

    /// Reads bytes that are in memory or mapped already; errors as above.
    public init(_ file: FileBytes) throws {
        header = try PackHeader(file.bytes, file: file.path)
        self.file = file
        guard header.fileByteCount == file.bytes.count else {
            let why =
                header.fileByteCount == 0
                ? "it was not finished" : "it should have \(header.fileByteCount) bytes and has \(file.bytes.count)"
            throw PackHeader.damaged(why, file.path)
        }
        // The product cannot overflow: the header bounds the number of studies.
        guard header.payloadStart <= file.bytes.count else {
            throw PackHeader.damaged(
                "its index of \(header.studyCount) studies does not fit into \(file.bytes.count) bytes", file.path)
        }
        let index = UnsafeRawBufferPointer(rebasing: file.bytes[PackHeader.byteCount..<header.payloadStart])
        guard StableHash.value(of: index) == header.indexHash else {
            throw PackHeader.damaged("the checksum of its index is wrong", file.path)
        }
        try checkEntries()
    }

    /// Whether a file begins as a pack does. Errors: it cannot be read.
    public static func isPack(_ path: String) throws -> Bool {
        let file = try FileBytes(mapping: path, what: "the studies")
        return withExtendedLifetime(file) { file.bytes.starts(with: PackHeader.magic) }
    }

    /// Payloads follow each other without gaps but for their alignment, and the last one ends the file.
    private func checkEntries() throws {
        var end = header.payloadStart
        for row in 0..<count {
            let start = PackLayout.aligned(end)
            guard let entry = PackEntry(entryBytes(row)), entry.offset == start,
                start <= file.bytes.count,
                entry.layout(recipe).byteCount <= file.bytes.count - start
            else { throw PackHeader.damaged("the entry of study \(row) in its index is wrong", path) }
            end = start + entry.layout(recipe).byteCount
        }
        guard end == file.bytes.count else {
            throw PackHeader.damaged("its studies end at byte \(end), the file at \(file.bytes.count)", path)
        }
    }

    private func entryBytes(_ row: Int) -> UnsafeRawBufferPointer {
        let start = PackHeader.byteCount + row * PackEntry.byteCount
        return UnsafeRawBufferPointer(rebasing: file.bytes[start..<(start + PackEntry.byteCount)])
    }

    private func entry(_ row: Int) -> PackEntry {
        precondition(row >= 0 && row < count, "study \(row) of \(count)")
        guard let entry = withExtendedLifetime(file, { PackEntry(entryBytes(row)) }) else {
            preconditionFailure("the entry of study \(row) of \(path) changed after it was checked")
        }
        return entry
    }

    /// The number of a study's row in the table that was packed, for messages: the header is row 1.
    public func rowNumber(_ study: StudyIndex) -> Int { study.row + 2 }

    /// The estimated length of each report in tokens, by row: `[N]` (`ReportCost`).
    public func estimatedTokenCounts() -> [Int] { (0..<count).map { entry($0).estimatedTokenCount } }

    /// Asks the system to have studies read before they are asked for.
    public func readAhead(_ studies: [StudyIndex]) {
        for study in studies {
            let entry = entry(study.row)
            file.readAhead(entry.offset..<(entry.offset + entry.layout(recipe).byteCount))
        }
    }

    /// A study, its bytes checked.
    ///
    /// Errors: the checksum is wrong, or what it holds contradicts itself; with the row.
    public func study(_ index: StudyIndex) throws -> PackedStudy {
        let entry = entry(index.row)
        let layout = entry.layout(recipe)
        return try withExtendedLifetime(file) {
            let payload = UnsafeRawBufferPointer(
                rebasing: file.bytes[entry.offset..<(entry.offset + layout.byteCount)])
            guard StableHash.value(of: payload) == entry.hash else {
                throw PackHeader.damaged("the checksum of a study is wrong", path).at(row: rowNumber(index))
            }
            guard
                let study = PackedStudy(file: file, payload: payload, entry: entry, layout: layout, recipe: recipe)
            else {
                throw PackHeader.damaged("the token counts of a study's sentences do not add up", path)
                    .at(row: rowNumber(index))
            }
            return study
        }
    }
}
