import AltaCore
import AltaFormats
import Foundation

/// Puts the studies of a pack into its file in their order, whichever thread makes them and when.
///
/// A thread claims a row, makes its payload and hands it over; payloads that are early wait in memory, at most a window
/// of them.
final class PackWriter: @unchecked Sendable {  // every property that changes is used under `condition`
    private let file: ResumableFile
    private let header: PackHeader
    private let studyCount: Int
    private let window: Int
    private let progress: @Sendable (Int, Int) -> Void

    private let condition = NSCondition()
    private var index: [UInt8]
    /// Where the last payload that was written ends.
    private var end: Int
    private var written: Int
    private var claimed: Int
    private var early: [Int: StudyPayload] = [:]
    private var failure: (row: Int, error: AltaError)?

    private init(
        file: ResumableFile, header: PackHeader, window: Int, content: PartialPack,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) {
        self.file = file
        self.header = header
        studyCount = header.studyCount
        self.window = window
        self.progress = progress
        index = content.index
        end = content.end
        written = content.studyCount
        claimed = content.studyCount
    }

    /// Opens the partial file of a pack, with the whole studies that it holds already.
    ///
    /// - Parameter header: what the file must have to be continued.
    static func open(
        _ path: String, header: PackHeader, window: Int, notice: (String) -> Void,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) throws -> PackWriter {
        try checkReplaceable(path)
        let file = try ResumableFile(path: path)
        let content = try PartialPack.read(file, header: header)
        if content.isOther {
            notice("note: \(path)\(ResumableFile.suffix) was of other studies or options; beginning anew")
        } else if content.studyCount > 0 {
            notice("note: continuing behind study \(content.studyCount) of \(header.studyCount)")
        }
        // What lies behind the last whole study is not known to be right.
        try file.setByteCount(content.isOther ? 0 : content.end)
        try file.write(header.bytes, at: 0)
        return PackWriter(file: file, header: header, window: window, content: content, progress: progress)
    }

    /// A pack takes the place of an older one or of nothing: a slip must not cost a table or a radiograph.
    private static func checkReplaceable(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let file = try FileBytes(mapping: path, what: "the output")
        guard file.bytes.isEmpty || withExtendedLifetime(file, { file.bytes.starts(with: PackHeader.magic) }) else {
            throw AltaError(
                "the output exists and is no pack", remedy: "choose another --output, or remove the file", file: path)
        }
    }

    /// Studies that are in the file.
    var doneCount: Int {
        condition.lock()
        defer { condition.unlock() }
        return written
    }

    /// The next row to make; waits while too many are early; nil where none is left or one failed.
    func claim() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        // Every row that is claimed is being made by a thread that does not wait: this ends.
        while failure == nil && claimed < studyCount && claimed - written >= window { condition.wait() }
        guard failure == nil, claimed < studyCount else { return nil }
        claimed += 1
        return claimed - 1
    }

    /// Hands over a row's payload.
    func put(_ payload: StudyPayload, of row: Int) {
        condition.lock()
        defer { condition.unlock() }
        early[row] = payload
        while let next = early.removeValue(forKey: written) {
            do { try append(next) } catch {
                note(AltaError.describing(error), of: written)
                break
            }
            progress(written, studyCount)
        }
        condition.broadcast()
    }

    /// Tells that a row cannot be made. Rows are claimed in order and those claimed are finished: of several failures the
    /// first row's is told, whatever the threads.
    func fail(_ error: AltaError, of row: Int) {
        condition.lock()
        defer { condition.unlock() }
        note(error, of: row)
        condition.broadcast()
    }

    private func note(_ error: AltaError, of row: Int) {
        if failure.map({ row < $0.row }) ?? true { failure = (row, error) }
    }

    private func append(_ payload: StudyPayload) throws {
        let start = PackLayout.aligned(end)
        let entry = payload.entry(at: start).bytes
        try file.write(payload.bytes, at: start)
        try file.write(entry, at: PackHeader.byteCount + index.count)
        index += entry
        end = start + payload.bytes.count
        written += 1
    }

    /// Puts the file in place once every study is there; its length in bytes. Errors: what a thread met, or the disk's.
    func finish() throws -> Int {
        condition.lock()
        defer { condition.unlock() }
        if let failure { throw failure.error }
        precondition(written == studyCount, "\(written) of \(studyCount) studies were packed")
        // The header says complete only once everything before it is on the disk.
        try file.flush()
        let hash = index.withUnsafeBytes { StableHash.value(of: $0) }
        try file.write(header.complete(fileByteCount: end, indexHash: hash).bytes, at: 0)
        try file.finish()
        return end
    }
}

extension AltaError {
    /// The error itself, or what another one says.
    fileprivate static func describing(_ error: any Error) -> AltaError {
        (error as? AltaError) ?? AltaError("\(error)")
    }
}

/// What a partial file holds for certain.
struct PartialPack {
    /// Whole studies, from the first.
    let studyCount: Int
    /// Their entries.
    let index: [UInt8]
    /// Where the last one's payload ends.
    let end: Int
    /// Whether the file holds something else.
    let isOther: Bool

    /// Reads a partial file as far as it can be continued: entry by entry, each payload held against its checksum.
    ///
    /// A file that lacks nothing but its final name no longer tells where its radiographs were: it counts as another.
    static func read(_ file: ResumableFile, header: PackHeader) throws -> PartialPack {
        let (start, studyCount, recipe) = (header.payloadStart, header.studyCount, header.recipe)
        let byteCount = try file.byteCount()
        let head = try file.read(0..<PackHeader.byteCount)
        guard head.withUnsafeBytes({ try? PackHeader($0, file: file.path) }) == header else {
            return PartialPack(studyCount: 0, index: [], end: start, isOther: byteCount > 0)
        }
        var (index, end, count) = ([UInt8](), start, 0)
        while count < studyCount {
            let place = PackHeader.byteCount + count * PackEntry.byteCount
            let bytes = try file.read(place..<(place + PackEntry.byteCount))
            let next = PackLayout.aligned(end)
            guard bytes.count == PackEntry.byteCount, let entry = bytes.withUnsafeBytes({ PackEntry($0) }),
                entry.offset == next, next + entry.layout(recipe).byteCount <= byteCount
            else { break }
            let payload = try file.read(next..<(next + entry.layout(recipe).byteCount))
            guard payload.withUnsafeBytes({ StableHash.value(of: $0) }) == entry.hash else { break }
            index += bytes
            end = next + payload.count
            count += 1
        }
        return PartialPack(studyCount: count, index: index, end: end, isOther: false)
    }
}
