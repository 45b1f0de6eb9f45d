import AltaCore
import AltaData
import AltaFormats
import Foundation

/// The same studies from a table and from a pack: the first ones, as many as a step has.
struct LoaderSources {
    /// From the radiographs; nil where a pack was given.
    let images: StudyPreparer?
    /// From a pack.
    let packed: StudyPreparer

    /// Each with its name in the output.
    var named: [(name: String, preparer: StudyPreparer)] {
        (images.map { [("images", $0)] } ?? []) + [("pack", packed)]
    }

    /// Reports that a vocabulary is trained on at most: more change few words.
    private static let vocabularyReportCount = 10_000

    /// Opens the data of the options, or makes a cohort; makes a pack of the studies of a table that are prepared. Files go
    /// into `folder`.
    static func open(
        _ options: LoaderBenchmark.Options, folder: String, notice: (String) -> Void
    ) throws -> LoaderSources {
        let path = try options.data ?? synthesize(options, folder: folder, notice: notice)
        let source = try StudySource.open(path, imageRoot: options.imageRoot, recipe: .align)
        let vocabulary = try options.vocabulary ?? train(on: source, folder: folder)
        let tokenizer = try WordPieceTokenizer(vocabulary: try WordVocabulary(path: vocabulary))
        func preparer(_ source: StudySource) -> StudyPreparer {
            StudyPreparer(
                source: source, reports: ReportPreparation(tokenizer: tokenizer, maxTokens: options.model.maxTokens),
                config: options.model, seed: options.seed)
        }
        guard case .table(let table) = source else {
            try source.check(
                imageSize: options.model.imageSize, dicomScaling: .published,
                vocabularyHash: try TrainingData.hash(of: vocabulary), trains: true)
            return LoaderSources(images: nil, packed: preparer(source))
        }
        let prepared = table.first(max(options.studies, LoaderBenchmark.checkedStudies))
        notice("packing \(prepared.count) studies")
        let pack = PackOptions(
            csvPath: path, output: "\(folder)/studies.pack", imageRoot: options.imageRoot, vocabularyPath: vocabulary,
            imageSize: options.model.imageSize, purpose: .training,
            studyLimit: prepared.count, threads: ProcessInfo.processInfo.activeProcessorCount)
        _ = try StudyPacker.pack(pack, notice: { _ in }, progress: { _, _ in })
        return LoaderSources(
            images: preparer(.table(prepared)), packed: preparer(try StudySource.open(pack.output, recipe: .align)))
    }

    private static func synthesize(
        _ options: LoaderBenchmark.Options, folder: String, notice: (String) -> Void
    ) throws -> String {
        notice("making a synthetic cohort")
        let cohort = CohortOptions(
            output: "\(folder)/cohort", studyCount: 50, seed: options.seed, size: options.radiographSize,
            threads: ProcessInfo.processInfo.activeProcessorCount)
        _ = try CohortWriter.write(cohort) { _, _ in }
        return "\(cohort.output)/train.csv"
    }

    private static func train(on source: StudySource, folder: String) throws -> String {
        var trainer = WordPieceTrainer()
        for row in 0..<min(source.count, vocabularyReportCount) { trainer.add(try source.report(StudyIndex(row))) }
        let path = "\(folder)/vocab.txt"
        try AtomicFile.write(path, text: try trainer.train(size: 30_000).map { $0 + "\n" }.joined())
        return path
    }

    /// Holds the first studies of both sources against each other.
    ///
    /// - Throws: `AltaError` naming the first that differs.
    func check(studies: Int) throws {
        guard let images else { return }
        for row in 0..<min(studies, packed.source.count) {
            let study = StudyIndex(row)
            let (one, other) = (try images.prepare(study, epoch: 1), try packed.prepare(study, epoch: 1))
            guard one.large == other.large, one.views == other.views, one.report == other.report,
                one.patchOrders == other.patchOrders
            else {
                throw AltaError(
                    "a packed study differs from its row", why: "the table may have changed while it was packed",
                    file: images.source.path, row: row + 2)
            }
        }
    }

    /// Tokens of a report on average, over the first studies.
    func meanTokens() throws -> Double {
        let counts = try (0..<min(100, packed.source.count)).map { try packed.evaluationTokens(StudyIndex($0)).count }
        return Double(counts.reduce(0, +)) / Double(counts.count)
    }
}
