import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Synchronization

/// A table over the image fixtures, and packs of it.
struct PackSample {
    let folder: String
    let imageRoot: String
    /// Files that are decoded: grey and colour, odd sizes, 1 to 16 bits, DICOM.
    static let images: [String] = {
        func names(_ folder: String) -> [String] {
            let all = (try? FileManager.default.contentsOfDirectory(atPath: SharedMaterial.fixture(folder))) ?? []
            return all.sorted().map { "\(folder)/\($0)" }.filter { name in
                DicomScaling.allCases.allSatisfy { scaling in
                    (try? ImageDecoder.decode(path: SharedMaterial.fixture(name), dicomScaling: scaling)) != nil
                }
            }
        }
        return names("images") + names("dicom")
    }()
    static let tokens = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "heart", "lung", "##s", "clear", ".", "?", "no", "edema",
    ]
    static let imageSize = 32

    var tablePath: String { "\(folder)/train.csv" }
    var vocabularyPath: String { "\(folder)/vocab.txt" }
    var packPath: String { "\(folder)/train.pack" }

    /// Each image is once a current frontal radiograph, beside none to three others.
    static func make() throws -> PackSample {
        let sample = PackSample(
            folder: try SharedMaterial.temporaryFolder("pack"), imageRoot: SharedMaterial.fixture(""))
        var text = StudyTable.viewColumns.joined(separator: ",") + ",report\n"
        for (row, name) in images.enumerated() {
            let others = (1..<View.count).map { view in
                (row + view) % 3 == 0 ? images[(row * 7 + view) % images.count] : "-1"
            }
            let words = (0..<row % 9 + 1).map {
                ["Heart", "lungs", "clear. ", "No edema?\n", "e.g.", "é"][($0 + row) % 6]
            }
            text += ([name] + others).joined(separator: ",") + ",\"\(words.joined(separator: " "))\"\n"
        }
        try text.write(toFile: sample.tablePath, atomically: true, encoding: .utf8)
        try (tokens.joined(separator: "\n") + "\n")
            .write(toFile: sample.vocabularyPath, atomically: true, encoding: .utf8)
        return sample
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    var options: PackOptions {
        PackOptions(
            csvPath: tablePath, output: packPath, imageRoot: imageRoot, vocabularyPath: vocabularyPath,
            imageSize: Self.imageSize, threads: 2)
    }

    @discardableResult func pack(_ options: PackOptions? = nil) throws -> PackSummary {
        try StudyPacker.pack(options ?? self.options, notice: { _ in }, progress: { _, _ in })
    }

    /// What the partial file of a pack holds when every study is written but the pack not finished.
    func begun() throws -> [UInt8] {
        let head = Mutex<[UInt8]>([])
        var options = options
        options.output += ".begun"
        let partial = options.output + ".partial"
        _ = try StudyPacker.pack(options, notice: { _ in }) { done, total in
            guard done == total else { return }
            head.withLock { $0 = [UInt8](FileManager.default.contents(atPath: partial) ?? Data()) }
        }
        try FileManager.default.removeItem(atPath: options.output)
        return head.withLock { $0 }
    }

    func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: packPath))) }

    /// Prepares the studies of a source with a model of the sample's size.
    func preparer(_ source: StudySource, dicomScaling: DicomScaling = .published) throws -> StudyPreparer {
        var config = ModelConfig()
        (config.imageSize, config.patchSize, config.maxTokens) = (Self.imageSize, 8, 12)
        return StudyPreparer(
            source: source,
            reports: ReportPreparation(tokenizer: try WordPieceTokenizer(tokens: Self.tokens), maxTokens: 12),
            config: config, seed: 7, dicomScaling: dicomScaling)
    }

    func table() throws -> StudySource {
        try StudySource.open(tablePath, imageRoot: imageRoot, recipe: .align)
    }
}
