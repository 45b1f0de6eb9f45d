import AltaCore
import AltaFormats
import Foundation

/// Makes a pack of a table: decodes, scales and crops every radiograph and tokenizes every report, once.
///
/// The same table and options give the same file at any number of threads, killed and continued or not.
public struct StudyPacker: Sendable {
    private let table: StudyTable
    private let recipe: PackRecipe
    private let reports: ReportPreparation?
    private let writer: PackWriter

    /// Makes a pack, from where an earlier process stopped.
    ///
    /// While it is not complete the file lies under `output` + `.partial`. A partial file of the same table, recipe,
    /// vocabulary and folder of radiographs is continued behind its last whole study; radiographs that were replaced since
    /// are not noticed.
    ///
    /// Errors: the table, the vocabulary or a radiograph cannot be read (of several the first in the table's order), the
    /// file cannot be written, another process is writing it.
    /// - Parameters:
    ///   - notice: hears where a partial file cannot be continued, and where one is.
    ///   - progress: called with the studies done and their number, from any thread but never from two at once.
    public static func pack(
        _ options: PackOptions, notice: (String) -> Void,
        progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
    ) throws -> PackSummary {
        var table = try StudyTable.load(csvPath: options.csvPath, imageRoot: options.imageRoot)
        if let limit = options.studyLimit { table = table.first(limit) }
        let vocabulary = try options.vocabularyPath.map(Self.openVocabulary)
        try table.checkFilesExist()
        let recipe = PackRecipe(
            purpose: options.purpose, imageSize: options.imageSize, dicomScaling: options.dicomScaling,
            dataHash: table.contentHash, vocabularyHash: vocabulary?.hash)
        let header = PackHeader.partial(recipe, studyCount: table.count, imageRootHash: table.imageRootHash)
        let writer = try PackWriter.open(
            options.output, header: header, window: 8 * options.threads, notice: notice, progress: progress)
        let continued = writer.doneCount
        let packer = StudyPacker(table: table, recipe: recipe, reports: vocabulary?.reports, writer: writer)
        DispatchQueue.concurrentPerform(iterations: min(options.threads, table.count)) { _ in packer.work() }
        return PackSummary(
            studyCount: table.count, continuedCount: continued, byteCount: try writer.finish())
    }

    private static func openVocabulary(_ path: String) throws -> (reports: ReportPreparation, hash: UInt64) {
        let content = try SmallFile.contents(path, what: "the vocabulary", limit: WordVocabulary.maximumByteCount)
        let tokenizer = try WordPieceTokenizer(vocabulary: WordVocabulary(content: content, path: path))
        return (ReportPreparation(tokenizer: tokenizer), content.withUnsafeBytes { StableHash.value(of: $0) })
    }

    /// One thread's work: the next study until none is left or one failed.
    private func work() {
        while let row = writer.claim() {
            do { writer.put(try payload(StudyIndex(row)), of: row) } catch {
                writer.fail((error as? AltaError) ?? AltaError("\(error)"), of: row)
            }
        }
    }

    /// What is the same in every epoch of a study.
    func payload(_ study: StudyIndex) throws -> StudyPayload {
        let row = StudyRow(record: table.study(study), table: table, dicomScaling: recipe.dicomScaling)
        var evaluation: GreyImage?
        let views = try View.allCases.map { view -> RasterRGB? in
            guard let raster = try row.decoded(view) else { return nil }
            if view == .currentFrontal, recipe.purpose == .both {
                evaluation = ImagePipeline.evaluation(raster, imageSize: recipe.imageSize)
            }
            return recipe.purpose.trains
                ? ImagePipeline.cropped(raster, side: recipe.trainingSide(view)).withoutEqualChannels()
                : ImagePipeline.evaluation(raster, imageSize: recipe.imageSize).raster
        }
        return StudyPayload.make(
            views: views, evaluation: evaluation, report: row.record.report,
            sentences: reports?.tokenizedSentences(row.record.report) ?? [], recipe: recipe)
    }
}

extension GreyImage {
    /// The image as a raster of one channel.
    fileprivate var raster: RasterRGB { RasterRGB(channels: 1, height: height, width: width, pixels: pixels) }
}
