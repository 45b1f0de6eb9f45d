import AltaCore
import AltaTestSupport
import Foundation

/// A few studies in a folder of their own: small radiographs of several formats, a table and a vocabulary.
///
/// Images, table and vocabulary may be spoilt by a test before it starts a job on them.
struct SampleCohort {
    /// Four views as the table has them, and the report.
    struct Row {
        var views: [String]
        var report: String
    }

    let folder: String
    var rows: [Row]

    var tablePath: String { "\(folder)/train.csv" }
    var vocabularyPath: String { "\(folder)/vocab.txt" }

    static let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    static let words = [
        "the", "heart", "is", "large", "normal", "left", "right", "lung", "clear", "effusion", "no", "small", "nodule",
        "upper", "lower", "lobe", "of", "and", "new", "stable", ".", "in", "opacity", "base",
    ]

    /// Formats of the radiographs: grey and colour, JPEG and PNG, palette and alpha.
    private static let images = [
        "grey.jpg", "rgb8.png", "colour_420.jpg", "palette8.png", "rgb_alpha8.png", "grey_progressive.jpg",
        "grey8_interlaced.png", "colour_444.jpg",
    ]

    /// A cohort of `count` studies; some have a lateral and prior views, reports have from 4 to 20 words.
    static func make(_ count: Int = 8) throws -> SampleCohort {
        let folder = try SharedMaterial.temporaryFolder("cohort")
        var rows: [Row] = []
        for study in 0..<count {
            let image = images[study % images.count]
            let views = (0..<View.count).map { view in
                view == 0 || (study + view) % 3 == 0 ? "\(study)-\(view)-\(image)" : "-1"
            }
            for name in views where name != "-1" {
                try FileManager.default.copyItem(
                    atPath: SharedMaterial.fixture("images/\(image)"), toPath: "\(folder)/\(name)")
            }
            let report = (0..<4 + study * 7 % 17).map { words[(study * 5 + $0 * 3) % words.count] }
            rows.append(Row(views: views, report: report.joined(separator: " ")))
        }
        let cohort = SampleCohort(folder: folder, rows: rows)
        try cohort.writeTable()
        try cohort.writeVocabulary(specials + words)
        return cohort
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    func writeVocabulary(_ tokens: [String]) throws {
        try write(tokens.map { $0 + "\n" }.joined(), to: vocabularyPath)
    }

    static let header = "image_path,auxview_image_path,last_image_path,last_auxview_image_path,report"

    /// The table's lines, the header first.
    var lines: [String] {
        [SampleCohort.header] + rows.map { ($0.views + [$0.report]).joined(separator: ",") }
    }

    func writeTable() throws { try write(lines.map { $0 + "\n" }.joined(), to: tablePath) }

    func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// The current frontal radiograph of a study.
    func imagePath(_ study: Int) -> String { "\(folder)/\(rows[study].views[0])" }
}
