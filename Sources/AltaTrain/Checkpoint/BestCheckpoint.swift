import AltaCore
import AltaFormats
import Foundation

/// The one number by which a run's validations are held against each other.
struct ValidationScore: Sendable, Equatable {
    /// Its name: `mean_recall` (of recall@1, 5 and 10, both ways), or `loss`.
    let metric: String
    let value: Double
    let isLargerBetter: Bool

    /// Whether it is the better one; a number that is not finite is none, and of equal ones the first stays.
    func isBetter(than other: ValidationScore) -> Bool {
        value.isFinite && (isLargerBetter ? value > other.value : value < other.value)
    }
}

/// `checkpoints/best.json`: which checkpoint of a run did best on its validation data, and how well.
struct BestCheckpoint: Sendable, Equatable {
    let step: Int
    let score: ValidationScore
    /// A hash of the table that it was validated on: scores on other data say nothing of this one.
    let validationHash: String

    /// Reads a run's; nil: it has none.
    ///
    /// - Throws: `AltaError` where the file is not as it was written.
    static func load(_ folder: RunFolder) throws -> BestCheckpoint? {
        let path = folder.bestPath
        guard
            let bytes = try SmallFile.contentsIfPresent(path, what: "the name of the best checkpoint", limit: 1 << 16)
        else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let json = try? JSONValue(parsing: text, file: path), let best = BestCheckpoint(json),
            try best.text() == text
        else {
            throw AltaError(
                "the file that names the best checkpoint is damaged",
                remedy: "name a step folder, or remove it: the newest checkpoint is taken then", file: path)
        }
        return best
    }

    /// Writes the file in place of the one that is there.
    func write(to folder: RunFolder) throws { try AtomicFile.write(folder.bestPath, text: try text()) }

    /// The file's content, with a hash of the rest of it.
    func text() throws -> String {
        let content = try JSONValue.object(members: members).text()
        let hash = StableHash.hex(Array(content.utf8).withUnsafeBytes { StableHash.value(of: $0) })
        return try JSONValue.object(members: members + [("hash", .string(hash))]).text(.pretty) + "\n"
    }

    private var members: [(String, JSONValue)] {
        [
            ("step", .integer(step)), ("metric", .string(score.metric)), ("value", .number(score.value)),
            ("larger_is_better", .bool(score.isLargerBetter)), ("validation_hash", .string(validationHash)),
        ]
    }
}

extension BestCheckpoint {
    /// The values of the file; nil where one is missing.
    private init?(_ json: JSONValue) {
        guard let step = json["step"]?.int, let metric = json["metric"]?.string, let value = json["value"]?.double,
            let isLargerBetter = json["larger_is_better"]?.bool, let hash = json["validation_hash"]?.string
        else { return nil }
        self.init(
            step: step, score: ValidationScore(metric: metric, value: value, isLargerBetter: isLargerBetter),
            validationHash: hash)
    }
}
