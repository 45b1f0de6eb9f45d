import AltaCore

/// A study's part of a pack, before it has a place there.
struct StudyPayload: Sendable {
    /// The images, the report and the tokens, one after the other (`PackEntry`).
    let bytes: [UInt8]
    /// The entry, but for its place.
    private let entry: PackEntry

    /// The entry of this payload at a place.
    func entry(at offset: Int) -> PackEntry {
        var copy = entry
        copy.offset = offset
        return copy
    }

    /// Puts a study together.
    /// - Parameters:
    ///   - views: the crop of each view in the order of `View`, of the recipe's sides; nil: absent.
    ///   - evaluation: the current frontal's grey crop for evaluation, where the pack is for both.
    ///   - sentences: the report's token ids, where the pack has tokens.
    static func make(
        views: [RasterRGB?], evaluation: GreyImage?, report: String, sentences: [[Int32]], recipe: PackRecipe
    ) -> StudyPayload {
        var entry = PackEntry(
            offset: 0, hash: 0, reportByteCount: report.utf8.count, sentenceCount: sentences.count,
            tokenCount: sentences.reduce(0) { $0 + $1.count },
            estimatedTokenCount: ReportCost.estimatedTokenCount(report.utf8), channels: views.map { $0?.channels ?? 0 })
        let layout = entry.layout(recipe)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(layout.byteCount)
        for view in views { bytes += view?.pixels ?? [] }
        bytes += evaluation?.pixels ?? []
        bytes += report.utf8
        bytes += [UInt8](repeating: 0, count: layout.numbers.lowerBound - bytes.count)
        for number in sentences.map({ UInt32($0.count) }) + sentences.joined().map({ UInt32(bitPattern: $0) }) {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        precondition(bytes.count == layout.byteCount, "\(bytes.count) bytes for a layout of \(layout.byteCount)")
        entry.hash = bytes.withUnsafeBytes { StableHash.value(of: $0) }
        return StudyPayload(bytes: bytes, entry: entry)
    }

    private init(bytes: [UInt8], entry: PackEntry) {
        self.bytes = bytes
        self.entry = entry
    }
}
