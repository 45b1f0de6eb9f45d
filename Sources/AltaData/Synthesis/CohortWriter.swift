import AltaCore
import AltaFormats
import Foundation

/// Renders a synthetic cohort into a folder: `images/`, then `train.csv`, `valid.csv` and `test.csv`.
///
/// The tables come last: a folder without them is not a cohort. Every file is the same for the same options whatever
/// the number of threads. The work is dealt study by study from a shared counter.
public final class CohortWriter: Sendable {
    /// The names of the tables.
    public static let tables = ["train.csv", "valid.csv", "test.csv"]
    /// JPEG quality: noise survives, files stay at 30 to 60 kB.
    static let quality = 88

    private let options: CohortOptions
    private let cohort: SyntheticCohort
    private let renderer: StudyRenderer
    private let tally = Locked(CohortTally())
    private let progress: @Sendable (_ done: Int, _ total: Int) -> Void

    private init(options: CohortOptions, progress: @escaping @Sendable (Int, Int) -> Void) {
        self.options = options
        self.progress = progress
        cohort = SyntheticCohort(seed: options.seed, studyCount: options.studyCount)
        renderer = StudyRenderer(seed: options.seed, size: options.size)
    }

    /// Writes a cohort and returns what it holds.
    ///
    /// Errors: numbers that make no cohort (exit code `.usage`), a folder that holds something and must not be
    /// overwritten, files that cannot be written.
    /// - Parameter progress: called with the studies done and their number, at most once in half a second, from any
    ///   thread but never from two at once.
    public static func write(
        _ options: CohortOptions, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
    ) throws -> CohortSummary {
        try options.check()
        try prepare(options)
        let writer = CohortWriter(options: options, progress: progress)
        try writer.renderAll()
        return try writer.writeTables()
    }

    private static func prepare(_ options: CohortOptions) throws {
        let files = FileManager.default
        let folder = options.output
        var isFolder: ObjCBool = false
        if files.fileExists(atPath: folder, isDirectory: &isFolder) {
            guard isFolder.boolValue else {
                throw AltaError("the output is a file, not a folder", remedy: "choose another --output", file: folder)
            }
            let isEmpty = try contents(folder).isEmpty
            guard isEmpty || options.overwrites else {
                throw AltaError(
                    "the output folder is not empty", remedy: "choose a new folder, or add --overwrite", file: folder)
            }
        } else {
            try createFolder(folder)
        }
        // Without its tables a half-written folder cannot be taken for the cohort that was there before.
        for table in tables where files.fileExists(atPath: "\(folder)/\(table)") {
            do { try files.removeItem(atPath: "\(folder)/\(table)") } catch {
                throw fault("cannot replace a table", error, "\(folder)/\(table)")
            }
        }
    }

    private static func contents(_ folder: String) throws -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw fault("cannot read the output folder", error, folder)
        }
    }

    private static func createFolder(_ folder: String) throws {
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw fault("cannot create the output folder", error, folder)
        }
    }

    private static func fault(_ what: String, _ error: any Error, _ file: String) -> AltaError {
        AltaError(
            what, why: (error as NSError).localizedDescription,
            remedy: "check the path, its permissions and free space",
            file: file)
    }

    private func renderAll() throws {
        let lastPatient = cohort.studies.last?.patient ?? 0
        for patient in stride(from: 0, through: lastPatient, by: 1000) {
            try CohortWriter.createFolder("\(options.output)/\(CohortTable.folder(patient: patient))")
        }
        let threads = min(options.threads, cohort.studies.count)
        DispatchQueue.concurrentPerform(iterations: threads) { _ in renderShare() }
        if let error = tally.withLock({ $0.error }) { throw error }
    }

    /// One thread's work: the next study until none is left or one failed.
    private func renderShare() {
        do {
            let writer = try JPEGWriter()
            while let place = tally.withLock({ $0.take(of: cohort.studies.count) }) {
                let study = cohort.studies[place]
                var (images, bytes) = (0, 0)
                for isFrontal in [true, false] where isFrontal || study.hasLateral {
                    bytes += try write(study, isFrontal: isFrontal, writer)
                    images += 1
                }
                tally.withLock { tally in
                    tally.finish(images: images, bytes: bytes)
                    if tally.isReportDue() { progress(tally.done, cohort.studies.count) }
                }
            }
        } catch {
            tally.withLock { $0.fail(error) }
        }
    }

    private func write(_ study: SyntheticStudy, isFrontal: Bool, _ writer: JPEGWriter) throws -> Int {
        let image = renderer.image(study, isFrontal: isFrontal)
        let data = try writer.bytes(image, quality: CohortWriter.quality)
        let path = "\(options.output)/\(CohortTable.imagePath(study, isFrontal: isFrontal))"
        // No flush to the disk for each of thousands of small files: the tables, written last, say that all are there.
        do { try data.write(to: URL(filePath: path)) } catch {
            throw CohortWriter.fault("cannot write a radiograph", error, path)
        }
        return data.count
    }

    private func writeTables() throws -> CohortSummary {
        let split = cohort.split(testShare: options.testShare, validationShare: options.validationShare)
        let table = CohortTable(cohort: cohort)
        for (name, places) in zip(CohortWriter.tables, [split.train, split.valid, split.test]) {
            try AtomicFile.write("\(options.output)/\(name)", text: table.text(places))
        }
        let (images, bytes) = tally.withLock { ($0.images, $0.bytes) }
        return CohortSummary(
            trainCount: split.train.count, validationCount: split.valid.count, testCount: split.test.count,
            imageCount: images, imageByteCount: bytes)
    }
}

/// What the threads share.
private struct CohortTally {
    var done = 0
    var images = 0
    var bytes = 0
    var error: (any Error)?
    private var taken = 0
    private var reported = ContinuousClock.now

    /// The next study, or nil where there is none, or where a thread failed.
    mutating func take(of count: Int) -> Int? {
        guard error == nil, taken < count else { return nil }
        taken += 1
        return taken - 1
    }

    mutating func finish(images: Int, bytes: Int) {
        done += 1
        self.images += images
        self.bytes += bytes
    }

    mutating func fail(_ error: any Error) {
        if self.error == nil { self.error = error }
    }

    mutating func isReportDue() -> Bool {
        guard ContinuousClock.now - reported > .milliseconds(500) else { return false }
        reported = .now
        return true
    }
}
